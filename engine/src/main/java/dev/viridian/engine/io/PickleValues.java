package dev.viridian.engine.io;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a pickle can build here. Plain values are Java's own: {@code Boolean}, {@code Long}, {@code
 * BigInteger}, {@code Double}, {@code String}, {@code byte[]}. All others are the types below; they
 * compare by identity, so that comparing and hashing never walks a hostile structure.
 */
final class PickleValues {
  private PickleValues() {}

  /** None. */
  enum Nothing {
    /** The only one. */
    NONE
  }

  /** A tuple, list or set. */
  static final class Sequence {
    /** Which of them. */
    enum Kind {
      TUPLE,
      LIST,
      SET
    }

    final Kind kind;
    final List<Object> items;

    Sequence(Kind kind, List<Object> items) {
      this.kind = kind;
      this.items = items;
    }

    static Sequence list() {
      return new Sequence(Kind.LIST, new ArrayList<>());
    }
  }

  /** A dict or an OrderedDict. */
  static final class Dict {
    final Map<Object, Object> entries = new LinkedHashMap<>();
  }

  /**
   * An object of a class that is known to carry nothing but attributes: a TorchScript module or a
   * torch.nn container.
   */
  static final class Instance {
    final TorchGlobals.DataClass type;
    Dict attributes = new Dict();

    Instance(TorchGlobals.DataClass type) {
      this.type = type;
    }
  }

  /**
   * Something harmless that no weight depends on, such as a numpy number; it is not looked into.
   */
  static final class Inert {}

  /**
   * A run of numbers that lies outside the pickle.
   *
   * @param key its name in the archive
   * @param type the type of its numbers; U8 for an untyped one
   * @param numel how many numbers the pickle says it has
   * @param untyped whether the pickle leaves the type to the tensors
   */
  record StorageRef(String key, FileType type, long numel, boolean untyped) {
    /** Its size in bytes; the constructor's caller has checked that it does not overflow. */
    long bytes() {
      return numel * type.bytes();
    }
  }

  /**
   * A tensor: a window on a storage.
   *
   * @param storage where its numbers are
   * @param type the type of its numbers
   * @param offset index of the first, in numbers of {@code type}
   * @param shape sizes, slowest first
   * @param strides steps between neighbours, in numbers; all ≥ 0 and inside the storage
   */
  record TensorView(
      StorageRef storage, FileType type, long offset, List<Long> shape, List<Long> strides) {}
}
