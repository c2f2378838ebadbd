package dev.viridian.engine.io;

import dev.viridian.engine.InputException;
import dev.viridian.engine.io.PickleValues.Dict;
import dev.viridian.engine.io.PickleValues.Sequence;
import dev.viridian.engine.io.PickleValues.StorageRef;
import java.math.BigInteger;
import java.util.HashMap;
import java.util.Map;

/**
 * The format of PyTorch before 1.6: pickles of a magic number, the version 1001, a description of
 * the system, the object and the list of storage keys; then for each key the number of elements
 * (int64) and the elements.
 */
final class TorchLegacy {
  private static final BigInteger MAGIC = new BigInteger("1950a86a20f9469cfc6c", 16);
  private static final Long VERSION = 1001L;

  private final OpenFile file;
  private final Map<String, Long> positions = new HashMap<>();
  private final Map<String, StorageRef> refs = new HashMap<>();
  private final Object object;

  private TorchLegacy(OpenFile file) {
    this.file = file;
    PickleInput in = new PickleInput(file.mapped());
    Object magic = PickleInterpreter.run(in);
    if (!MAGIC.equals(magic)) {
      throw new PickleException(
          "it is a pickle, but does not begin with PyTorch's magic number; is it a checkpoint?");
    }
    Object version = PickleInterpreter.run(in);
    if (!VERSION.equals(version)) {
      throw new PickleException(
          "it has version " + TorchConstructors.name(version) + ", expected " + VERSION);
    }
    Object system = PickleInterpreter.run(in);
    if (!(system instanceof Dict info)) {
      throw new PickleException(
          "its system description is " + TorchConstructors.name(system) + ", expected a dict");
    }
    if (Boolean.FALSE.equals(info.entries.get("little_endian"))) {
      throw new PickleException("it comes from a big-endian machine, which is unsupported");
    }
    PickleInterpreter interpreter = new PickleInterpreter(in);
    this.object = interpreter.run();
    interpreter.storages().forEach(this::keep);
    readPositions(in, PickleInterpreter.run(in));
  }

  /**
   * Reads everything but the elements.
   *
   * @throws PickleException if it is damaged or asks for anything but data
   * @throws InputException if it cannot be read
   */
  static TorchLegacy open(OpenFile file) {
    return new TorchLegacy(file);
  }

  private void keep(StorageRef ref) {
    StorageRef before = refs.putIfAbsent(ref.key(), ref);
    if (before != null && !before.equals(ref)) {
      throw new PickleException(
          "its storage " + Text.quote(ref.key()) + " is described in two ways");
    }
  }

  private void readPositions(PickleInput in, Object keys) {
    if (!(keys instanceof Sequence list) || list.kind != Sequence.Kind.LIST) {
      throw new PickleException("its list of storages is " + TorchConstructors.name(keys));
    }
    for (Object key : list.items) {
      StorageRef ref = key instanceof String text ? refs.get(text) : null;
      if (ref == null) {
        throw new PickleException(
            "its list of storages names " + TorchConstructors.name(key) + ", which none is called");
      }
      long numel = in.i64();
      if (numel != ref.numel()) {
        throw new PickleException(
            "its storage "
                + Text.quote(ref.key())
                + " has "
                + numel
                + " elements, its pickle says "
                + ref.numel());
      }
      if (positions.put(ref.key(), in.take(ref.bytes())) != null) {
        throw new PickleException("its storage " + Text.quote(ref.key()) + " comes twice");
      }
    }
    if (in.left() > 0) {
      throw new PickleException(in.left() + " bytes follow its last storage");
    }
  }

  /** What was pickled. */
  Object object() {
    return object;
  }

  /** The storage that the pickle means. */
  TorchStorage storage(StorageRef ref) {
    Long position = positions.get(ref.key());
    if (position == null) {
      throw new PickleException("its storage " + Text.quote(ref.key()) + " is missing");
    }
    return new TorchStorage(
        ref, position, false, () -> file.mapped().asSlice(position, ref.bytes()));
  }
}
