package dev.viridian.engine.io;

import dev.viridian.engine.InputException;
import dev.viridian.engine.io.PickleValues.StorageRef;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The zip format of PyTorch ≥ 1.6 and of TorchScript: {@code ROOT/data.pkl} is the pickle, {@code
 * ROOT/data/KEY} a storage each, {@code ROOT/byteorder} says which end comes first (little where it
 * is absent). ROOT differs from file to file. Code and constants of TorchScript are not looked at.
 */
final class TorchZip {
  /** The most that a deflated pickle may inflate to; stored ones are read where they lie. */
  private static final long MAX_INFLATED_PICKLE = 128L << 20;

  private static final String PICKLE = "data.pkl";

  private final OpenFile file;
  private final ZipDirectory zip;
  private final String root;
  private final boolean bigEndian;
  private final Map<String, MemorySegment> inflated = new ConcurrentHashMap<>();

  private TorchZip(OpenFile file, ZipDirectory zip, String root, boolean bigEndian) {
    this.file = file;
    this.zip = zip;
    this.root = root;
    this.bigEndian = bigEndian;
  }

  /**
   * Reads the directory.
   *
   * @throws InputException if it is damaged or that of another kind of file
   */
  static TorchZip open(OpenFile file) {
    ZipDirectory zip = ZipDirectory.read(file);
    String root = null;
    for (String name : zip.names()) {
      if (name.equals(PICKLE) || name.endsWith("/" + PICKLE)) {
        if (root != null) {
          throw file.error("has two entries " + PICKLE + "; which is the checkpoint?");
        }
        root = name.substring(0, name.length() - PICKLE.length());
      }
    }
    if (root == null) {
      throw file.error("is a zip file without " + PICKLE + ", so it is no PyTorch checkpoint");
    }
    return new TorchZip(file, zip, root, isBigEndian(file, zip, root));
  }

  private static boolean isBigEndian(OpenFile file, ZipDirectory zip, String root) {
    ZipDirectory.Entry entry = zip.entry(root + "byteorder");
    if (entry == null) {
      return false;
    }
    MemorySegment bytes = zip.data(entry, Math.min(entry.size(), 16));
    String order = new String(bytes.toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8).strip();
    return switch (order) {
      case "little" -> false;
      case "big" -> true;
      default -> throw file.error("has the unknown byte order " + Text.quote(order));
    };
  }

  /** The pickle. */
  PickleInput pickle() {
    ZipDirectory.Entry entry = zip.entry(root + PICKLE);
    if (entry == null) {
      throw new IllegalStateException("the entry was found when the file was opened");
    }
    if (entry.deflated() && entry.size() > MAX_INFLATED_PICKLE) {
      throw file.error("its pickle claims " + entry.size() + " bytes, more than weights need");
    }
    return new PickleInput(zip.data(entry, entry.size()));
  }

  /**
   * The storage that the pickle means.
   *
   * @throws InputException if it is not in the archive, or not of the size that the pickle says
   */
  TorchStorage storage(StorageRef ref) {
    String name = root + "data/" + ref.key();
    ZipDirectory.Entry entry = zip.entry(name);
    if (entry == null) {
      throw file.error(
          "its pickle names the storage " + Text.quote(ref.key()) + ", which it lacks");
    }
    if (entry.size() != ref.bytes()) {
      throw file.error(
          "its storage "
              + Text.quote(ref.key())
              + " has "
              + entry.size()
              + " bytes, its pickle says "
              + ref.bytes());
    }
    if (entry.deflated()) {
      return new TorchStorage(
          ref,
          -1,
          bigEndian,
          () -> inflated.computeIfAbsent(name, key -> zip.data(entry, entry.size())));
    }
    return new TorchStorage(
        ref, zip.dataStart(entry), bigEndian, () -> zip.data(entry, entry.size()));
  }
}
