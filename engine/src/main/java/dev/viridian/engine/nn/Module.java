package dev.viridian.engine.nn;

import dev.viridian.engine.Shape;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A part of a network: it owns parameters and further modules by name, and computes through ops.
 * The names, joined by dots, are those of the reference implementation's weight files.
 *
 * <p>A module is made without numbers; {@link ModuleLoader} binds them. Once bound, its forward
 * pass may be used by several threads at once.
 */
public abstract class Module implements AutoCloseable {
  private final Map<String, Parameter> parameters = new LinkedHashMap<>();
  private final Map<String, Module> children = new LinkedHashMap<>();

  /** For subclasses. */
  protected Module() {}

  /** Declares a parameter that lies alike in files and memory. */
  protected final Parameter parameter(String name, long... fileShape) {
    return declare(name, new Parameter(Shape.of(fileShape), Parameter.Form.PLAIN));
  }

  /** Declares a convolution's weight [out, in, kh, kw]. */
  protected final Parameter convolution(String name, long... fileShape) {
    return declare(name, new Parameter(Shape.of(fileShape), Parameter.Form.CONVOLUTION));
  }

  /** Declares a linear layer's weight [out, in]. */
  protected final Parameter linear(String name, long... fileShape) {
    return declare(name, new Parameter(Shape.of(fileShape), Parameter.Form.LINEAR));
  }

  private Parameter declare(String name, Parameter parameter) {
    if (parameters.put(name, parameter) != null) {
      throw new IllegalArgumentException("parameter " + name + " declared twice");
    }
    return parameter;
  }

  /** Declares a part. The name may hold dots, such as {@code "resnets.0"}. */
  protected final <M extends Module> M child(String name, M module) {
    if (children.put(name, module) != null) {
      throw new IllegalArgumentException("module " + name + " declared twice");
    }
    return module;
  }

  /** All parameters, those of parts included, by dotted name, in order of declaration. */
  public final Map<String, Parameter> parameters() {
    Map<String, Parameter> all = new LinkedHashMap<>();
    collect("", all);
    return all;
  }

  private void collect(String prefix, Map<String, Parameter> all) {
    parameters.forEach((name, p) -> all.put(prefix + name, p));
    children.forEach((name, m) -> m.collect(prefix + name + ".", all));
  }

  /**
   * Lets go of the memory of weights that are read where they lie in a mapped file. Nothing else
   * changes: the system reads them again, mostly from its cache, when they are next used. Safe at
   * any time, but of no use while another thread computes with this module.
   */
  public final void unload() {
    parameters.values().forEach(Parameter::unload);
    children.values().forEach(Module::unload);
  }

  /** Closes all parameters. */
  @Override
  public void close() {
    parameters.values().forEach(Parameter::close);
    children.values().forEach(Module::close);
  }
}
