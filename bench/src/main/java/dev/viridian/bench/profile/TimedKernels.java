package dev.viridian.bench.profile;

import dev.viridian.kernels.AttentionProblem;
import dev.viridian.kernels.ConvProblem;
import dev.viridian.kernels.GemmProblem;
import dev.viridian.kernels.Kernels;
import dev.viridian.kernels.PackedJoin;
import dev.viridian.kernels.PackedWeight;
import dev.viridian.kernels.memory.Buffer;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.Arrays;
import java.util.Map;
import java.util.StringJoiner;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Kernels that note how long each call takes. For a device whose calls are complete when they
 * return. The time of a call that is made from within another is counted in both.
 */
public final class TimedKernels {
  private TimedKernels() {}

  /** The given kernels, watched. */
  public static Kernels around(Kernels kernels, Profile profile) {
    Map<String, Object> families = new ConcurrentHashMap<>();
    InvocationHandler handler =
        (self, method, arguments) -> {
          Object result = invoke(kernels, method, arguments);
          if (result == kernels) { // of(F32)
            return self;
          }
          return method.getReturnType().isInterface()
              ? families.computeIfAbsent(
                  method.getName(), name -> family(name, method, result, profile))
              : result;
        };
    return (Kernels)
        Proxy.newProxyInstance(
            TimedKernels.class.getClassLoader(), new Class<?>[] {Kernels.class}, handler);
  }

  private static Object family(String name, Method accessor, Object family, Profile profile) {
    InvocationHandler handler =
        (self, method, arguments) -> {
          long start = System.nanoTime();
          Object result = invoke(family, method, arguments);
          long nanos = System.nanoTime() - start;
          profile.add(
              name + "." + method.getName(),
              problem(arguments),
              flops(method, arguments),
              start,
              nanos);
          return result;
        };
    return Proxy.newProxyInstance(
        TimedKernels.class.getClassLoader(), new Class<?>[] {accessor.getReturnType()}, handler);
  }

  private static Object invoke(Object target, Method method, Object[] arguments) throws Throwable {
    try {
      return method.invoke(target, arguments);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }

  private static double flops(Method method, Object[] arguments) {
    if (arguments == null || arguments.length == 0) {
      return 0;
    }
    if (arguments[0] instanceof PackedWeight w) {
      return method.getName().equals("product")
          ? 2.0 * (int) arguments[1] * w.out() * w.channels()
          : 0;
    }
    boolean backward = method.getName().equals("backward"); // five products for two
    return switch (arguments[0]) {
      case GemmProblem p -> 2.0 * p.batch() * p.m() * p.n() * p.k();
      case ConvProblem p -> flops(p);
      case PackedJoin p -> arguments.length == 1 ? 0 : flops(p.conv()); // a question does nothing
      case AttentionProblem p ->
          (backward ? 10.0 : 4.0) * p.batch() * p.heads() * p.queries() * p.keys() * p.headDim();
      default -> 0;
    };
  }

  private static double flops(ConvProblem p) {
    return 2.0 * p.n() * p.outH() * p.outW() * p.outC() * p.kh() * p.kw() * p.c() / p.groups();
  }

  private static String sizes(ConvProblem p) {
    String map = p.n() + "x" + p.h() + "x" + p.w() + " " + p.c() + "->" + p.outC();
    String stride = p.strideH() == 1 ? "" : "/" + p.strideH();
    return map + " " + p.kh() + "x" + p.kw() + stride;
  }

  /** The sizes of a call. */
  private static String problem(Object[] arguments) {
    if (arguments == null || arguments.length == 0) {
      return "";
    }
    if (arguments.length < 2) {
      return plain(arguments); // a question, no work
    }
    return switch (arguments[0]) {
      case GemmProblem p ->
          (p.batch() == 1 ? "" : p.batch() + " x ")
              + p.m()
              + "x"
              + p.n()
              + "x"
              + p.k()
              + (p.transA() ? " At" : "")
              + (p.transB() ? " Bt" : "");
      case ConvProblem p -> sizes(p);
      case PackedJoin p -> sizes(p.conv()) + " " + p.kind() + " of " + p.x();
      case AttentionProblem p ->
          p.batch() + "x" + p.queries() + "x" + p.keys() + " " + p.heads() + "x" + p.headDim();
      case PackedWeight w ->
          arguments[1] + "x" + w.out() + "x" + w.channels() + " " + w.precision().label();
      default -> plain(arguments);
    };
  }

  /** Whether a record is a buffer or has some: a call's memory, not its problem. */
  private static boolean holdsBuffers(Record record) {
    return record instanceof Buffer
        || Arrays.stream(record.getClass().getRecordComponents())
            .anyMatch(part -> Buffer.class.isAssignableFrom(part.getType()));
  }

  private static String plain(Object[] arguments) {
    StringJoiner joiner = new StringJoiner(" ");
    for (Object argument : arguments) {
      if (argument instanceof Record record && !holdsBuffers(record)) {
        joiner.add(record.toString());
      } else if (argument instanceof Number || argument instanceof Enum<?>) {
        joiner.add(argument.toString());
      }
    }
    return joiner.toString();
  }
}
