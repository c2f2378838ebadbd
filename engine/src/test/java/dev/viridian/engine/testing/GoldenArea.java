package dev.viridian.engine.testing;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.Tag;

/**
 * A test, or a class of tests, that compares with the goldens of an area: tagged {@code golden},
 * and counted under the area's name in the report of {@link GoldenReport}.
 */
@Target({ElementType.TYPE, ElementType.METHOD})
@Retention(RetentionPolicy.RUNTIME)
@Tag("golden")
public @interface GoldenArea {
  /** Its folder's name, such as {@code "ops"}. */
  String value();
}
