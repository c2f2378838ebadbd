package dev.viridian.engine.io;

import dev.viridian.engine.io.PickleValues.Dict;
import dev.viridian.engine.io.PickleValues.Inert;
import dev.viridian.engine.io.PickleValues.Sequence;
import dev.viridian.engine.io.PickleValues.StorageRef;
import dev.viridian.engine.io.PickleValues.TensorView;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What comes of the calls that a checkpoint's pickle makes. Stateless. */
final class TorchConstructors {
  private TorchConstructors() {}

  /**
   * The value of a call.
   *
   * @throws PickleException if the arguments are not what the function takes
   */
  static Object call(TorchGlobals.Constructor function, List<Object> args) {
    return switch (function) {
      case ORDERED_DICT -> orderedDict(args);
      case REBUILD_TENSOR -> tensor(args, 4, null);
      case REBUILD_TENSOR_V2 -> {
        refuseLazyBits(args, 6);
        yield tensor(args, 6, null);
      }
      case REBUILD_TENSOR_V3 -> {
        refuseLazyBits(args, 7);
        Object type = argument(args, 6);
        if (type instanceof TorchGlobals.NumberType number) {
          yield tensor(args, 7, number.type());
        }
        throw new PickleException("a tensor's dtype is " + name(type));
      }
      case REBUILD_PARAMETER, REBUILD_PARAMETER_WITH_STATE -> {
        Object data = argument(args, 0);
        if (data instanceof TensorView) {
          yield data;
        }
        throw new PickleException("a parameter is made of " + name(data) + ", expected a tensor");
      }
      case JIT_LIST, SIZE -> sequence(argument(args, 0));
      case JIT_TAG -> argument(args, 0);
      case SET -> {
        List<Object> items = args.isEmpty() ? List.of() : sequence(args.get(0)).items;
        yield new Sequence(Sequence.Kind.SET, new ArrayList<>(items));
      }
      case INERT -> new Inert();
    };
  }

  private static Dict orderedDict(List<Object> args) {
    Dict dict = new Dict();
    if (!args.isEmpty()) {
      for (Object pair : sequence(args.get(0)).items) {
        if (!(pair instanceof Sequence two) || two.items.size() != 2) {
          throw new PickleException("an OrderedDict is made of " + name(pair) + ", expected pairs");
        }
        put(dict, two.items.get(0), two.items.get(1));
      }
    }
    return dict;
  }

  /** Puts an entry into a dictionary; a key that is there already is refused. */
  static void put(Dict dict, Object key, Object value) {
    if (dict.entries.putIfAbsent(key, value) != null) {
      throw new PickleException("a dictionary gets the key " + name(key) + " twice");
    }
  }

  /** Tensors may say that their numbers are to be negated or conjugated when read. */
  private static void refuseLazyBits(List<Object> args, int index) {
    if (args.size() <= index || !(args.get(index) instanceof Dict bits)) {
      return;
    }
    for (Map.Entry<Object, Object> bit : bits.entries.entrySet()) {
      if (Boolean.TRUE.equals(bit.getValue())) {
        throw new PickleException("a tensor has the flag " + name(bit.getKey()) + ", unsupported");
      }
    }
  }

  private static TensorView tensor(List<Object> args, int least, @Nullable FileType given) {
    if (args.size() < least) {
      throw new PickleException("a tensor is made of " + args.size() + " arguments");
    }
    if (!(args.get(0) instanceof StorageRef storage)) {
      throw new PickleException("a tensor's storage is " + name(args.get(0)));
    }
    if (given == null && storage.untyped()) {
      throw new PickleException("a tensor of an untyped storage has no dtype");
    }
    FileType type = given == null ? storage.type() : given;
    if (!storage.untyped() && type != storage.type()) {
      throw new PickleException("a tensor of type " + type + " has a storage of " + storage.type());
    }
    long offset = integer(args.get(1), "offset");
    List<Long> shape = integers(args.get(2), "size");
    List<Long> strides = integers(args.get(3), "stride");
    checkInside(type, shape, strides, offset, storage.bytes() / type.bytes());
    return new TensorView(storage, type, offset, shape, strides);
  }

  private static void checkInside(
      FileType type, List<Long> shape, List<Long> strides, long offset, long numel) {
    if (shape.size() != strides.size()) {
      throw new PickleException("a tensor has sizes " + shape + " and strides " + strides);
    }
    TensorInfo info;
    try {
      info = new TensorInfo("", type, shape);
    } catch (IllegalArgumentException e) {
      throw new PickleException("a tensor's " + e.getMessage());
    }
    String what = "a tensor " + shape + " with strides " + strides + " at offset " + offset;
    if (offset < 0 || offset > numel) {
      throw new PickleException(what + " lies outside its storage of " + numel + " numbers");
    }
    long last = offset;
    for (int i = 0; i < shape.size(); i++) {
      long stride = strides.get(i);
      if (stride < 0) {
        throw new PickleException(what + " goes backwards");
      }
      long steps = Math.max(shape.get(i) - 1, 0);
      if (steps > 0 && stride > (numel - last) / steps) {
        last = numel;
        break;
      }
      last += steps * stride;
    }
    if (info.elements() > 0 && last >= numel) {
      throw new PickleException(what + " passes the end of its storage of " + numel + " numbers");
    }
  }

  /**
   * The storage that a persistent id names: ("storage", type, key, place, number of elements), in
   * the old format followed by a view.
   */
  static StorageRef storage(Object id) {
    if (!(id instanceof Sequence fields)
        || fields.kind != Sequence.Kind.TUPLE
        || fields.items.size() < 5
        || fields.items.size() > 6
        || !"storage".equals(fields.items.get(0))) {
      throw new PickleException("a persistent id is " + name(id) + ", expected a storage");
    }
    if (!(fields.items.get(1) instanceof TorchGlobals.StorageType type)) {
      throw new PickleException("a storage's type is " + name(fields.items.get(1)));
    }
    if (!(fields.items.get(2) instanceof String key)) {
      throw new PickleException("a storage's key is " + name(fields.items.get(2)));
    }
    if (fields.items.size() == 6 && fields.items.get(5) != PickleValues.Nothing.NONE) {
      throw new PickleException("storage " + Text.quote(key) + " is a view, which is unsupported");
    }
    long numel = integer(fields.items.get(4), "number of elements");
    if (numel < 0 || numel > Long.MAX_VALUE / type.type().bytes()) {
      throw new PickleException("storage " + Text.quote(key) + " claims " + numel + " elements");
    }
    return new StorageRef(key, type.type(), numel, type.untyped());
  }

  private static Object argument(List<Object> args, int index) {
    if (index >= args.size()) {
      throw new PickleException("a call has " + args.size() + " arguments, too few");
    }
    return args.get(index);
  }

  private static Sequence sequence(Object value) {
    if (value instanceof Sequence sequence) {
      return sequence;
    }
    throw new PickleException(name(value) + " stands where a list is expected");
  }

  private static List<Long> integers(Object value, String what) {
    List<Object> items = sequence(value).items;
    if (items.size() > TensorInfo.MAX_RANK) {
      throw new PickleException("a tensor has " + items.size() + " dimensions");
    }
    List<Long> out = new ArrayList<>();
    for (Object item : items) {
      out.add(integer(item, what));
    }
    return List.copyOf(out);
  }

  private static long integer(Object value, String what) {
    if (value instanceof Long number) {
      return number;
    }
    throw new PickleException("a tensor's " + what + " is " + name(value) + ", not an integer");
  }

  /** What to call a value in a message; containers are not looked into. */
  static String name(Object value) {
    if (value instanceof String text) {
      return Text.quote(text);
    }
    if (value instanceof Number || value instanceof Boolean) {
      return Text.quote(value.toString());
    }
    if (value instanceof Sequence sequence) {
      return "a " + sequence.kind.name().toLowerCase(Locale.ROOT);
    }
    return switch (value) {
      case TensorView v -> "a tensor";
      case StorageRef s -> "a storage";
      case Dict d -> "a dict";
      case TorchGlobals.Global g -> "a class or function";
      case PickleValues.Nothing n -> "None";
      case byte[] b -> "bytes";
      default -> "another object";
    };
  }
}
