package dev.viridian.diffusion.weights;

import dev.viridian.engine.io.TensorInfo;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The ways in which adapter files spell a change of a weight, told by the ends of their names. */
enum LoraFlavour {
  /** Two factors. */
  LORA(
      "LoRA",
      "\\.lora_down\\.weight|\\.lora\\.down\\.weight|\\.lora_linear_layer\\.down\\.weight"
          + "|(?:\\.processor\\.|\\.)to_(?:q|k|v|out)_lora\\.down\\.weight"
          + "|\\.lora_A(?:\\.[^.]+)?\\.weight"),
  /** Three factors (Tucker, CP). */
  TUCKER("with a core tensor", "\\.lora_mid\\.weight|\\.hada_t1|\\.lokr_t2"),
  /** Hadamard product of two products. */
  LOHA("LoHa", "\\.hada_w1_a"),
  /** Kronecker product. */
  LOKR("LoKr", "\\.lokr_w1(?:_a)?"),
  /** The difference itself. */
  FULL("full difference", "\\.diff(?:_b)?"),
  /** Differences of norm weights. */
  NORM("norms", "\\.[wb]_norm"),
  /** Scales on inputs or outputs. */
  IA3("IA3", "\\.on_input"),
  /** Magnitudes beside directions. */
  DORA("DoRA", "\\.dora_scale|\\.lora_magnitude_vector(?:\\.[^.]+)?(?:\\.weight)?"),
  /** Rotations of weights, which nothing here applies. */
  OFT("OFT (not supported)", "\\.oft_(?:blocks|diag)"),
  /** Two affine factors, which nothing here applies. */
  GLORA("GLoRA (not supported)", "\\.[ab][12]\\.weight");

  private static final Pattern KOHYA = Pattern.compile("lora_(?:unet|te[12]?|prior)_.*");
  private static final Pattern PEFT = Pattern.compile(".*\\.lora_[AB](?:\\.[^.]+)?\\.weight");
  private static final Pattern PROCESSOR =
      Pattern.compile(".*(?:\\.processor\\.|\\.)to_(?:q|k|v|out)_lora\\.(?:down|up)\\.weight");

  private final String label;
  private final Pattern end;

  LoraFlavour(String label, String end) {
    this.label = label;
    this.end = Pattern.compile("(.*?)(?:" + end + ")");
  }

  /** The role of an adapter file, or null where no name looks like one's. */
  static @Nullable WeightRole recognise(WeightNames names, Map<String, String> metadata) {
    Set<LoraFlavour> flavours = new LinkedHashSet<>();
    Set<String> modules = new TreeSet<>();
    Set<Long> ranks = new TreeSet<>();
    boolean convolutions = false;
    for (String name : names.all()) {
      for (LoraFlavour flavour : values()) {
        Matcher matcher = flavour.end.matcher(name);
        // Only kohya's names are telling enough for the ends that other models have too.
        boolean telling = flavour != GLORA && flavour != NORM && flavour != FULL;
        if (matcher.matches() && (telling || KOHYA.matcher(name).matches())) {
          flavours.add(flavour);
          modules.add(matcher.group(1));
          TensorInfo info = names.info(name);
          if (flavour == LORA && info != null && info.rank() >= 2) {
            ranks.add(info.shape().getFirst());
            convolutions |= info.rank() == 4 && info.shape().getLast() > 1;
          }
          break;
        }
      }
    }
    if (flavours.isEmpty()) {
      return null;
    }
    Map<String, String> details = new LinkedHashMap<>();
    details.put("flavour", labels(flavours, convolutions));
    details.put("modules", Integer.toString(modules.size()));
    if (!ranks.isEmpty()) {
      List<String> texts = ranks.stream().map(String::valueOf).toList();
      details.put("rank", String.join("/", texts));
    }
    putParts(details, names);
    String base = metadata.get("ss_base_model_version");
    if (base != null) {
      details.put("base", base);
    }
    return new WeightRole(WeightRole.Kind.LORA, layout(names), details);
  }

  private static String labels(Set<LoraFlavour> flavours, boolean convolutions) {
    List<String> labels = new ArrayList<>();
    for (LoraFlavour flavour : flavours) {
      labels.add(
          flavour == LORA && convolutions ? "LoRA with convolutions (LoCon)" : flavour.label);
    }
    return String.join(" + ", labels);
  }

  private static void putParts(Map<String, String> details, WeightNames names) {
    boolean text = names.any("lora_te") || names.any("text_encoder.");
    boolean unet = names.any("lora_unet_") || names.any("unet.") || !text;
    details.put("for", unet && text ? "UNet and text encoder" : unet ? "UNet" : "text encoder");
  }

  private static String layout(WeightNames names) {
    for (String name : names.all()) {
      if (KOHYA.matcher(name).matches()) {
        boolean ldm =
            names.any("lora_unet_input_blocks_")
                || names.any("lora_unet_middle_block_")
                || names.any("lora_unet_output_blocks_");
        return ldm ? "kohya (ldm blocks)" : "kohya";
      }
      if (PEFT.matcher(name).matches()) {
        return "peft";
      }
      if (PROCESSOR.matcher(name).matches()) {
        return "diffusers attention-processor";
      }
      if (name.contains(".lora.") || name.contains(".lora_linear_layer.")) {
        return "diffusers";
      }
    }
    return "unknown";
  }
}
