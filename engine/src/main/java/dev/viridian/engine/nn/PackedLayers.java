package dev.viridian.engine.nn;

import dev.viridian.kernels.PackedWeight;
import dev.viridian.kernels.Precision;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.StringJoiner;

/**
 * Which products of a module are computed in lower precision.
 *
 * @param counts how many weights are packed for each lower precision; empty if none is
 * @param kept those that bytes were meant for but would have lost too much of
 */
public record PackedLayers(Map<Precision, Integer> counts, List<Kept> kept) {
  /**
   * A weight that was not packed as bytes.
   *
   * @param precision what its products are computed in
   * @param lost what bytes would have lost ({@link dev.viridian.kernels.PackedKernels#lost})
   */
  public record Kept(String name, Precision precision, double lost) {}

  /** Of a module that computes as its weights are. */
  public static final PackedLayers NONE = new PackedLayers(Map.of(), List.of());

  /** Those of a loaded module. */
  public static PackedLayers of(Module module) {
    Map<Precision, Integer> counts = new EnumMap<>(Precision.class);
    List<Kept> kept = new ArrayList<>();
    module
        .parameters()
        .forEach(
            (name, parameter) -> {
              PackedWeight packing = parameter.packing();
              Precision precision = packing == null ? Precision.F32 : packing.precision();
              if (precision != Precision.F32) {
                counts.merge(precision, 1, Integer::sum);
              }
              if (parameter.lost() != 0 && precision != Precision.INT8) {
                kept.add(new Kept(name, precision, parameter.lost()));
              }
            });
    return new PackedLayers(Collections.unmodifiableMap(counts), List.copyOf(kept));
  }

  /**
   * The same as JSON: counts by precision, and in {@code kept} what bytes would have lost, null if
   * no number.
   */
  public Map<String, Object> json() {
    Map<String, Object> json = new LinkedHashMap<>();
    counts.forEach((precision, count) -> json.put(precision.label(), count));
    Map<String, Object> names = new LinkedHashMap<>();
    kept.forEach(k -> names.put(k.name, Double.isNaN(k.lost) ? null : k.lost));
    json.put("kept", names);
    return json;
  }

  /** Such as {@code 2 in bf16, 190 in int8; kept from int8: conv.weight (would lose 0.031)}. */
  @Override
  public String toString() {
    StringJoiner parts = new StringJoiner(", ");
    counts.forEach((precision, count) -> parts.add(count + " in " + precision.label()));
    StringJoiner names = new StringJoiner(", ");
    for (Kept k : kept) {
      names.add(String.format(Locale.ROOT, "%s (would lose %.3f)", k.name, k.lost));
    }
    String all = counts.isEmpty() ? "none in lower precision" : parts.toString();
    return kept.isEmpty() ? all : all + "; kept from int8: " + names;
  }
}
