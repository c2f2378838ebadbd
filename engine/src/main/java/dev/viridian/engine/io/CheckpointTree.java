package dev.viridian.engine.io;

import dev.viridian.engine.io.PickleValues.Dict;
import dev.viridian.engine.io.PickleValues.Instance;
import dev.viridian.engine.io.PickleValues.Sequence;
import dev.viridian.engine.io.PickleValues.TensorView;
import java.math.BigInteger;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Names for the tensors of a checkpoint. Where the outermost dictionary has a {@code state_dict}
 * with tensors, those are the weights, under their own keys; else every tensor counts, named by the
 * path of keys, attributes and list indices that leads to it, joined by dots. Texts and plain
 * numbers become metadata, named likewise, unless they stand in lists.
 */
final class CheckpointTree {
  private static final int MAX_DEPTH = 64;
  private static final int MAX_VISITS = 5_000_000;
  private static final int MAX_NAMES = 300_000;
  private static final int MAX_CHARACTERS = 20_000_000;
  private static final int MAX_PATH = 10_000;
  private static final String STATE_DICT = "state_dict";
  private static final List<String> MODULE_PARTS = List.of("_parameters", "_buffers", "_modules");

  private final Map<String, TensorView> tensors = new LinkedHashMap<>();
  private final Map<String, String> metadata = new LinkedHashMap<>();
  private int visits;
  private int names;
  private int characters;

  private CheckpointTree() {}

  /**
   * Names the tensors beneath {@code top}.
   *
   * @throws PickleException if there is none, or the structure is not that of a checkpoint
   */
  static CheckpointTree of(Object top) {
    CheckpointTree tree = new CheckpointTree();
    if (top instanceof Dict dict && dict.entries.get(STATE_DICT) instanceof Dict state) {
      tree.walk("", state, 0, true);
    }
    if (tree.tensors.isEmpty()) {
      tree.walk("", top, 0, true);
    } else {
      for (Map.Entry<Object, Object> entry : ((Dict) top).entries.entrySet()) {
        if (!STATE_DICT.equals(entry.getKey())) {
          tree.walk(label(entry.getKey()), entry.getValue(), 1, false);
        }
      }
    }
    if (tree.tensors.isEmpty()) {
      throw new PickleException(
          "it holds " + TorchConstructors.name(top) + " without tensors, so it is no weight file");
    }
    return tree;
  }

  /** The tensors by name, in the order of the checkpoint. */
  Map<String, TensorView> tensors() {
    return tensors;
  }

  /** Texts and plain numbers by name. */
  Map<String, String> metadata() {
    return metadata;
  }

  // A small pickle can hold the same dictionary under many names, many levels deep, so what comes
  // of the walk is bounded here, not by the size of the pickle.
  private void walk(String path, Object value, int depth, boolean wanted) {
    if (depth > MAX_DEPTH) {
      throw new PickleException("it nests more than " + MAX_DEPTH + " levels deep");
    }
    if (++visits > MAX_VISITS) {
      throw new PickleException("it holds more than " + MAX_VISITS + " values");
    }
    switch (value) {
      case TensorView tensor -> {
        if (wanted) {
          name(path);
          if (tensors.putIfAbsent(path, tensor) != null) {
            throw new PickleException("two tensors have the name " + Text.quote(path));
          }
        }
      }
      case Dict dict ->
          dict.entries.forEach(
              (key, item) -> walk(join(path, label(key)), item, depth + 1, wanted));
      case Sequence sequence -> walkItems(path, sequence, depth, wanted);
      case Instance instance -> walkInstance(path, instance, depth, wanted);
      case String text -> tell(path, text);
      case Long number -> tell(path, number.toString());
      case Double number -> tell(path, number.toString());
      case Boolean flag -> tell(path, flag.toString());
      default -> {} // None, bytes, names of classes: nothing to tell
    }
  }

  private void walkItems(String path, Sequence sequence, int depth, boolean wanted) {
    for (int i = 0; i < sequence.items.size(); i++) {
      switch (sequence.items.get(i)) {
        case String text -> visits++;
        case Number number -> visits++;
        case Boolean flag -> visits++;
        case Object item -> walk(join(path, Integer.toString(i)), item, depth + 1, wanted);
      }
    }
  }

  private void tell(String path, String text) {
    if (!metadata.containsKey(path)) {
      name(path);
      metadata.put(path, text);
    }
  }

  private void name(String path) {
    characters += path.length();
    if (++names > MAX_NAMES || characters > MAX_CHARACTERS) {
      throw new PickleException("it has more than " + MAX_NAMES + " names, or very long ones");
    }
  }

  private void walkInstance(String path, Instance instance, int depth, boolean wanted) {
    if (instance.type.script()) {
      walk(path, instance.attributes, depth + 1, wanted);
      return;
    }
    for (String part : MODULE_PARTS) {
      Object members = instance.attributes.entries.get(part);
      if (members instanceof Dict) {
        walk(path, members, depth + 1, wanted);
      }
    }
  }

  private static String join(String path, String key) {
    if (path.length() + key.length() > MAX_PATH) {
      throw new PickleException("the name " + Text.quote(path + "…") + " is too long");
    }
    return path.isEmpty() ? key : path + "." + key;
  }

  private static String label(Object key) {
    return switch (key) {
      case String text -> text;
      case Long number -> number.toString();
      case BigInteger number -> number.toString();
      case Boolean flag -> flag.toString();
      case TorchGlobals.NameOnly global -> global.name();
      default -> TorchConstructors.name(key);
    };
  }
}
