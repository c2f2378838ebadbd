package dev.viridian.diffusion.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.viridian.diffusion.weights.WeightRole.Kind;
import dev.viridian.engine.io.FileType;
import dev.viridian.engine.io.TensorInfo;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class WeightRoleTest {
  /** Tensors written as {@code "name 3x4"}; a name alone is a single number. */
  private static Map<String, TensorInfo> tensors(String... texts) {
    Map<String, TensorInfo> tensors = new LinkedHashMap<>();
    for (String text : texts) {
      String[] parts = text.split(" ");
      List<Long> shape =
          parts.length == 1
              ? List.of()
              : Arrays.stream(parts[1].split("x")).map(Long::valueOf).toList();
      tensors.put(parts[0], new TensorInfo(parts[0], FileType.F32, shape));
    }
    return tensors;
  }

  private static WeightRole role(String... texts) {
    return WeightRole.of(tensors(texts), Map.of());
  }

  private static final String LDM_UNET = "model.diffusion_model.input_blocks.0.0.weight 320x4x3x3";

  @Test
  void singleFilesByTheirTextEncoder() {
    WeightRole one =
        role(
            LDM_UNET,
            "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight 320x768",
            "first_stage_model.decoder.conv_in.weight 512x4x3x3",
            "cond_stage_model.transformer.text_model.embeddings.position_ids 1x77",
            "model_ema.decay");
    assertEquals(Kind.STABLE_DIFFUSION_1, one.kind());
    assertEquals("768", one.details().get("context width"));
    assertEquals("320", one.details().get("base channels"));
    assertTrue(one.details().get("holds").contains("model_ema"));
    assertNull(one.details().get("input channels"));

    String vae = "first_stage_model.decoder.conv_in.weight 512x4x3x3";
    assertEquals(
        Kind.STABLE_DIFFUSION_2,
        role(LDM_UNET, vae, "cond_stage_model.model.ln_final.bias 8").kind());
    assertEquals(
        Kind.STABLE_DIFFUSION_XL,
        role(LDM_UNET, vae, "conditioner.embedders.0.transformer.text_model.x 8").kind());
    assertEquals("the text encoder", role(LDM_UNET, vae).details().get("lacks"));
    assertEquals(Kind.UNET, role(LDM_UNET).kind());
  }

  @Test
  void inpaintingUnetsAreTold() {
    WeightRole role =
        role("conv_in.weight 320x9x3x3", "time_embedding.linear_1.bias 8", "down_blocks.0.x 1");
    assertEquals(Kind.UNET, role.kind());
    assertEquals("diffusers", role.layout());
    assertEquals("9 (inpainting)", role.details().get("input channels"));
  }

  @Test
  void controlNetsAreNotUnets() {
    WeightRole diffusers =
        role(
            "conv_in.weight 320x4x3x3",
            "time_embedding.linear_1.bias 8",
            "down_blocks.0.x 1",
            "controlnet_mid_block.weight 8x8x1x1");
    assertEquals(Kind.CONTROL_NET, diffusers.kind());
    WeightRole whole = role("control_model.input_blocks.0.0.weight 320x4x3x3", LDM_UNET);
    assertEquals(Kind.CONTROL_NET, whole.kind());
    assertEquals("original", whole.layout());
    assertTrue(whole.details().get("holds").contains("whole Stable Diffusion"));
  }

  @Test
  void vaesInBothNamings() {
    assertEquals("diffusers", role("decoder.up_blocks.0.x 1", "encoder.x 1").layout());
    WeightRole ldm = role("first_stage_model.decoder.up.0.x 1");
    assertEquals(Kind.VAE, ldm.kind());
    assertEquals("ldm", ldm.layout());
    assertEquals("the decoder alone", ldm.details().get("holds"));
  }

  @Test
  void mattingNetworks() {
    WeightRole bgm =
        role(
            "backbone.layer3.6.conv1.weight 8",
            "aspp.convs.0.0.weight 8",
            "decoder.conv1.weight 8",
            "refiner.conv1.weight 24x42x3x3");
    assertEquals(Kind.BACKGROUND_MATTING_V2, bgm.kind());
    assertEquals("ResNet-101", bgm.details().get("backbone"));
    assertEquals("3", bgm.details().get("refiner kernel"));

    WeightRole traced =
        role("model.backbone.features.0.0.weight 8", "model.aspp.x 1", "model.decoder.x 1");
    assertEquals(Kind.BACKGROUND_MATTING_V2, traced.kind());
    assertEquals("MobileNetV2", traced.details().get("backbone"));
    assertEquals("model.", traced.details().get("prefix"));

    String[] head = {
      "conv1.weight 32x128x3x3", "conv1.bias 32", "conv2.weight 1x32x3x3", "conv2.bias 1"
    };
    assertEquals(Kind.MATTING_HEAD, role(head).kind());
    head[2] = "conv2.weight 3x32x3x3";
    assertEquals(Kind.UNKNOWN, role(head).kind());
    assertEquals(Kind.INDEX_NET, role("dconv_pp.aspp1.x 1", "index0.indexnet1.x 1").kind());
  }

  @Test
  void lorasByTheirEnds() {
    String base = "lora_unet_down_blocks_0_attentions_0_proj_in";
    WeightRole kohya =
        role(base + ".lora_down.weight 4x320x3x3", base + ".lora_up.weight 320x4", base + ".alpha");
    assertEquals(Kind.LORA, kohya.kind());
    assertEquals("kohya", kohya.layout());
    assertEquals("LoRA with convolutions (LoCon)", kohya.details().get("flavour"));
    assertEquals("4", kohya.details().get("rank"));
    assertEquals("1", kohya.details().get("modules"));
    assertEquals("UNet", kohya.details().get("for"));

    assertEquals("LoHa", role(base + ".hada_w1_a 8x4").details().get("flavour"));
    assertEquals("LoKr", role(base + ".lokr_w1 8x4").details().get("flavour"));
    assertTrue(role(base + ".oft_blocks 8x4").details().get("flavour").contains("not supported"));
    assertEquals(
        "LoRA + DoRA",
        role("text_encoder.a.lora_A.default.weight 4x8", "text_encoder.a.lora_magnitude_vector 8")
            .details()
            .get("flavour"));
    assertEquals("peft", role("unet.a.lora_A.weight 4x8").layout());
  }

  @Test
  void aSingleVectorIsAnEmbeddingAndTwoAreNot() {
    WeightRole one = role("<line-art> 4x768");
    assertEquals(Kind.EMBEDDING, one.kind());
    assertEquals("<line-art>", one.details().get("placeholder"));
    assertEquals("4", one.details().get("vectors"));
    assertEquals("a1111", role("emb_params 2x768").layout());
    assertEquals(Kind.UNKNOWN, role("a 2x32", "b 2x32").kind());
    assertEquals(Kind.UNKNOWN, role("w 2x2").kind());
    assertEquals("not recognised", role("a 2x32", "b 2x32").describe());
  }
}
