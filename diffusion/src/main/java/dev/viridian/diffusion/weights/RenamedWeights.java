package dev.viridian.diffusion.weights;

import dev.viridian.engine.InputException;
import dev.viridian.engine.io.FileType;
import dev.viridian.engine.io.TensorInfo;
import dev.viridian.engine.io.Text;
import dev.viridian.engine.io.WeightSource;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * A network's tensors in a weight file, under the names they have here whatever the file calls
 * them. Ones behind a shape are dropped where the network has none, keys that are known and not
 * needed are left out, and keys that belong to the network and are not known stay, so that whoever
 * loads it can name them. A view: closing it does nothing, it lives as long as its source.
 */
public final class RenamedWeights implements WeightSource {
  private static final int LISTED = 20;

  private final WeightSource source;
  private final Map<String, String> keys;
  private final Map<String, TensorInfo> tensors;
  private final List<TensorName> expected;
  private final Set<String> unknown;
  private final Map<String, String> ignored;

  private RenamedWeights(
      WeightSource source,
      Map<String, String> keys,
      Map<String, TensorInfo> tensors,
      List<TensorName> expected,
      Set<String> unknown,
      Map<String, String> ignored) {
    this.source = source;
    this.keys = keys;
    this.tensors = Collections.unmodifiableMap(tensors);
    this.expected = expected;
    this.unknown = unknown;
    this.ignored = ignored;
  }

  /** The view of a file in a component's own folder. */
  static RenamedWeights folder(
      Component component, List<TensorName> expected, WeightSource source) {
    String prefix = component.folderPrefix(source.tensors());
    Map<TensorName, List<String>> candidates = new LinkedHashMap<>();
    for (TensorName tensor : expected) {
      candidates.put(tensor, tensor.folderNames().stream().map(name -> prefix + name).toList());
    }
    // all of the file belongs to the component, whatever the prefix
    return view(component, source, candidates, prefix, "");
  }

  /** The view of a single file that holds a whole model. */
  static RenamedWeights single(
      Component component, List<TensorName> expected, WeightSource source) {
    String found = component.singlePrefix(source.tensors());
    String prefix = found == null ? component.singlePrefix() : found;
    Map<TensorName, List<String>> candidates = new LinkedHashMap<>();
    for (TensorName tensor : expected) {
      candidates.put(tensor, List.of(prefix + tensor.ldm()));
    }
    return view(component, source, candidates, prefix, prefix);
  }

  /** The view of all keys that begin so, without that beginning; of no particular network. */
  static RenamedWeights under(String prefix, WeightSource source) {
    Map<String, String> keys = new HashMap<>();
    Map<String, TensorInfo> tensors = new LinkedHashMap<>();
    source
        .tensors()
        .forEach(
            (key, info) -> {
              if (key.startsWith(prefix)) {
                String name = key.substring(prefix.length());
                keys.put(name, key);
                tensors.put(name, new TensorInfo(name, info.type(), info.shape()));
              }
            });
    return new RenamedWeights(source, keys, tensors, List.of(), Set.of(), Map.of());
  }

  private static RenamedWeights view(
      Component component,
      WeightSource source,
      Map<TensorName, List<String>> candidates,
      String prefix,
      String territory) {
    Map<String, String> keys = new HashMap<>();
    Map<String, TensorInfo> tensors = new LinkedHashMap<>();
    Set<String> taken = new LinkedHashSet<>();
    candidates.forEach(
        (tensor, names) -> {
          String key = names.getFirst();
          for (String name : names) {
            TensorInfo info = source.tensors().get(name);
            if (info != null) {
              key = name;
              taken.add(name);
              tensors.put(
                  tensor.name(),
                  new TensorInfo(tensor.name(), info.type(), shape(info.shape(), tensor.shape())));
              break;
            }
          }
          keys.put(tensor.name(), key);
        });
    Set<String> unknown = new LinkedHashSet<>();
    Map<String, String> ignored = new LinkedHashMap<>();
    source
        .tensors()
        .forEach(
            (key, info) -> {
              if (!key.startsWith(territory) || taken.contains(key)) {
                return;
              }
              String rest = key.startsWith(prefix) ? key.substring(prefix.length()) : key;
              if (component.ignores(rest)) {
                ignored.put(rest, key);
              } else {
                String name = "unknown " + key; // no name of ours has a space
                keys.put(name, key);
                tensors.put(name, new TensorInfo(name, info.type(), info.shape()));
                unknown.add(name);
              }
            });
    List<TensorName> expected = List.copyOf(candidates.keySet());
    return new RenamedWeights(source, keys, tensors, expected, unknown, ignored);
  }

  /** {@code found} as {@code wanted}, where they differ by two ones at the end alone. */
  private static List<Long> shape(List<Long> found, List<Long> wanted) {
    boolean squeezed =
        found.size() == 4
            && wanted.size() == 2
            && found.subList(0, 2).equals(wanted)
            && found.subList(2, 4).equals(List.of(1L, 1L));
    return squeezed ? wanted : found;
  }

  /**
   * Checks that every tensor is there with the shape that was expected and none beside them.
   *
   * @param from what says so, such as {@code unet/config.json}
   * @throws InputException naming every key that does not fit, with found and expected shape
   */
  void check(String from) {
    List<String> missing = new ArrayList<>();
    List<String> wrong = new ArrayList<>();
    for (TensorName tensor : expected) {
      TensorInfo info = tensors.get(tensor.name());
      if (info == null) {
        missing.add(keyOf(tensor.name()) + " " + tensor.shape());
      } else if (!info.shape().equals(tensor.shape()) || !isReal(info.type())) {
        wrong.add(
            keyOf(tensor.name())
                + ": expected "
                + tensor.shape()
                + (isReal(info.type()) ? ", found " : " of F32, F16 or BF16, found " + info.type())
                + info.shape());
      }
    }
    List<String> parts = new ArrayList<>();
    append(parts, "misshaped", wrong);
    append(parts, "missing", missing);
    append(parts, "unexpected", unknown.stream().map(this::keyOf).toList());
    if (!parts.isEmpty()) {
      throw new InputException(
          describe() + " does not fit " + from + ": " + String.join("; ", parts));
    }
  }

  static boolean isReal(FileType type) {
    return switch (type) {
      case F64, F32, F16, BF16 -> true;
      default -> false;
    };
  }

  private static void append(List<String> parts, String what, List<String> keys) {
    if (keys.isEmpty()) {
      return;
    }
    String listed = keys.stream().limit(LISTED).map(Text::line).collect(Collectors.joining(", "));
    String rest = keys.size() > LISTED ? " and " + (keys.size() - LISTED) + " more" : "";
    parts.add(keys.size() + " " + what + ": " + listed + rest);
  }

  /** The tensors that the network has, in its order. */
  List<TensorName> expected() {
    return expected;
  }

  /** The keys that were left out, by what follows the component's prefix in them. */
  Map<String, String> ignored() {
    return ignored;
  }

  /** What this is a view of. */
  WeightSource source() {
    return source;
  }

  @Override
  public String describe() {
    return source.describe();
  }

  @Override
  public Map<String, TensorInfo> tensors() {
    return tensors;
  }

  @Override
  public Map<String, String> metadata() {
    return source.metadata();
  }

  @Override
  public MemorySegment data(String name) {
    info(name);
    return source.data(keyOf(name));
  }

  @Override
  public void read(String name, long byteOffset, MemorySegment dest) {
    info(name);
    source.read(keyOf(name), byteOffset, dest);
  }

  @Override
  public void requireWhole() {
    source.requireWhole();
  }

  /** Does nothing: whoever opened the source closes it. */
  @Override
  public void close() {}

  @Override
  public String keyOf(String name) {
    return keys.getOrDefault(name, name);
  }
}
