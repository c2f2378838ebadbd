package dev.viridian.engine.io;

import dev.viridian.engine.InputException;
import dev.viridian.engine.io.PickleValues.TensorView;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A checkpoint that PyTorch wrote ({@code .pth}, {@code .pt}, {@code .bin}, {@code .ckpt}, {@code
 * .pth.tar}, TorchScript), zip or older format. Such files hold pickles, which are programs: they
 * are interpreted by a machine that knows a closed list of names and runs nothing, see {@link
 * PickleInterpreter}; a file that asks for more is refused.
 *
 * <p>Weights are the tensors of {@code state_dict} where the checkpoint has one, under their own
 * keys (a {@code module.} prefix is kept); else all tensors, named by their path in the checkpoint,
 * joined by dots: {@code string_to_param.*}, {@code optimizer.state.0.exp_avg}. Plain numbers and
 * texts are the {@link #metadata}, named likewise.
 *
 * <p>Tensors that lie in the file in row-major order are mapped; views with other strides,
 * big-endian and deflated storages are copied when first asked for. Thread-safe but for {@link
 * #close}.
 */
public final class TorchCheckpoint implements WeightSource {
  /** What copies may take beside a multiple of the file's size: expanded tensors are small. */
  private static final long COPIES = 64L << 20;

  private static final int COPIES_PER_BYTE = 4;

  private final OpenFile file;
  private final Map<String, TensorInfo> tensors;
  private final Map<String, Stored> stored;
  private final Map<String, String> metadata;
  private final Map<String, MemorySegment> copies = new ConcurrentHashMap<>();

  private record Stored(TensorView view, TorchStorage storage) {}

  @FunctionalInterface
  private interface Storages {
    TorchStorage find(PickleValues.StorageRef ref);
  }

  private TorchCheckpoint(
      OpenFile file,
      Map<String, TensorInfo> tensors,
      Map<String, Stored> stored,
      Map<String, String> metadata) {
    this.file = file;
    this.tensors = Collections.unmodifiableMap(tensors);
    this.stored = stored;
    this.metadata = Collections.unmodifiableMap(metadata);
  }

  /**
   * Opens a checkpoint and interprets its pickle; the numbers are not read.
   *
   * @throws InputException if it is damaged, no checkpoint, or asks for anything but data, in one
   *     line that says what
   */
  public static TorchCheckpoint open(Path path) {
    return open(OpenFile.open(path));
  }

  /** Takes over {@code file}, which is closed if it is refused. */
  static TorchCheckpoint open(OpenFile file) {
    try {
      return read(file);
    } catch (PickleException e) {
      file.close();
      throw file.error("is refused as a checkpoint: " + e.getMessage(), e);
    } catch (RuntimeException | Error e) {
      file.close();
      throw e;
    }
  }

  private static TorchCheckpoint read(OpenFile file) {
    switch (FileFormat.of(file)) {
      case TORCH_ZIP -> {
        TorchZip zip = TorchZip.open(file);
        return resolve(file, PickleInterpreter.run(zip.pickle()), zip::storage);
      }
      case TORCH_LEGACY -> {
        TorchLegacy legacy = TorchLegacy.open(file);
        return resolve(file, legacy.object(), legacy::storage);
      }
      default -> throw FileFormat.unknown(file, "a PyTorch checkpoint");
    }
  }

  private static TorchCheckpoint resolve(OpenFile file, Object top, Storages storages) {
    CheckpointTree tree = CheckpointTree.of(top);
    Map<String, TensorInfo> infos = new LinkedHashMap<>();
    Map<String, Stored> stored = new HashMap<>();
    long copied = 0;
    long allowed = COPIES + COPIES_PER_BYTE * file.size();
    for (Map.Entry<String, TensorView> entry : tree.tensors().entrySet()) {
      TensorView view = entry.getValue();
      TensorInfo info = new TensorInfo(entry.getKey(), view.type(), view.shape());
      TorchStorage storage = storages.find(view.storage());
      if (!storage.isPlain(view)) {
        // the product was checked when the tensor was built, the sum is kept below 2^63 here
        copied += Math.min(info.bytes(), allowed + 1);
        if (storage.position() < 0) {
          copied += view.storage().bytes();
        }
        if (copied > allowed || copied < 0) {
          throw new PickleException(
              "its tensors unfold to more than "
                  + allowed
                  + " bytes, far more than the file holds, at "
                  + Text.quote(entry.getKey()));
        }
      }
      infos.put(entry.getKey(), info);
      stored.put(entry.getKey(), new Stored(view, storage));
    }
    return new TorchCheckpoint(file, infos, stored, tree.metadata());
  }

  @Override
  public String describe() {
    return file.describe();
  }

  @Override
  public Map<String, TensorInfo> tensors() {
    return tensors;
  }

  @Override
  public Map<String, String> metadata() {
    return metadata;
  }

  @Override
  public MemorySegment data(String name) {
    TensorInfo info = info(name);
    Stored tensor = stored.get(name);
    TensorView view = tensor.view;
    file.requireOpen();
    if (tensor.storage.isWhole(view)) {
      long size = view.type().bytes();
      MemorySegment lying =
          tensor.storage.bytes().get().asSlice(view.offset() * size, info.bytes());
      if (lying.address() % size == 0) {
        return lying;
      }
    }
    return copies.computeIfAbsent(name, key -> copy(info, tensor));
  }

  private MemorySegment copy(TensorInfo info, Stored tensor) {
    MemorySegment out = file.arena().allocate(info.bytes(), 64);
    tensor.storage.gather(tensor.view, out);
    return out.asReadOnly();
  }

  @Override
  public void read(String name, long byteOffset, MemorySegment dest) {
    TensorInfo info = info(name);
    Reads.check(info, byteOffset, dest);
    Stored tensor = stored.get(name);
    TensorView view = tensor.view;
    if (tensor.storage.isPlain(view)) {
      long start = tensor.storage.position() + view.offset() * view.type().bytes();
      file.read(start + byteOffset, dest);
    } else {
      MemorySegment.copy(data(name), byteOffset, dest, 0, dest.byteSize());
    }
  }

  @Override
  public void requireWhole() {
    file.requireWhole();
  }

  @Override
  public void close() {
    file.close();
  }
}
