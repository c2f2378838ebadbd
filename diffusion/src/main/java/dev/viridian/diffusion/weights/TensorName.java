package dev.viridian.diffusion.weights;

import java.util.List;

/**
 * One tensor of a network under all its names. Immutable.
 *
 * @param name the name it has here: that of diffusers and transformers of today, without the {@code
 *     text_model.} of older ones
 * @param ldm its name in the original single-file layout, without the component's prefix
 * @param shape sizes in the order of weight files ([out, in, kh, kw])
 * @param ldmShape sizes in the single-file layout, which has ones behind some
 */
public record TensorName(String name, String ldm, List<Long> shape, List<Long> ldmShape) {
  /** Copies the shapes. */
  public TensorName {
    shape = List.copyOf(shape);
    ldmShape = List.copyOf(ldmShape);
  }

  /** The number of elements. */
  public long elements() {
    return shape.stream().reduce(1L, Math::multiplyExact);
  }

  /** The names it may have in a file of its component's own, prefix removed; today's first. */
  List<String> folderNames() {
    String old = oldName();
    return old.equals(name) ? List.of(name) : List.of(name, old);
  }

  /** The name that SD1.5's own files use, prefix removed; every reader of them knows it. */
  String writtenFolderName() {
    return oldName();
  }

  private String oldName() {
    if (!name.contains("coder.mid_block.attentions.")) {
      return name;
    }
    return name.replace(".to_q.", ".query.")
        .replace(".to_k.", ".key.")
        .replace(".to_v.", ".value.")
        .replace(".to_out.0.", ".proj_attn.");
  }
}
