package dev.viridian.matting.cli;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/** The numbers that a flag takes: told when another is given, and when it is no number at all. */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.FIELD)
@interface Range {
  /** The least that is allowed. */
  long least();

  /** The most that is allowed. */
  long most();

  /** What the number has to be a multiple of. */
  int multipleOf() default 1;
}
