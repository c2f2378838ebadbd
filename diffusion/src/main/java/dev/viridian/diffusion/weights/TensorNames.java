package dev.viridian.diffusion.weights;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Lists the tensors of a network of given shape; forward order, as the networks compute. */
public final class TensorNames {
  private final List<TensorName> list = new ArrayList<>();

  private TensorNames() {}

  /** The tensors of a UNet; 686 for SD1.5. */
  public static List<TensorName> of(UNetConfig c) {
    TensorNames out = new TensorNames();
    int time = c.timeEmbeddingDim();
    int first = c.blockOutChannels().getFirst();
    out.linear("time_embedding.linear_1", "time_embed.0", time, first);
    out.linear("time_embedding.linear_2", "time_embed.2", time, time);
    out.conv("conv_in", "input_blocks.0.0", first, c.inChannels(), 3);
    out.unetDown(c);
    int last = c.blockOutChannels().getLast();
    out.unetResnet("mid_block.resnets.0", "middle_block.0", last, last, time);
    out.transformer("mid_block.attentions.0", "middle_block.1", last, c.crossAttentionDim());
    out.unetResnet("mid_block.resnets.1", "middle_block.2", last, last, time);
    out.unetUp(c);
    out.norm("conv_norm_out", "out.0", first);
    out.conv("conv_out", "out.2", c.outChannels(), first, 3);
    return List.copyOf(out.list);
  }

  /** The tensors of an autoencoder; 248 for SD1.5. */
  public static List<TensorName> of(VaeConfig c) {
    TensorNames out = new TensorNames();
    out.vaeEncoder(c);
    int latent = c.latentChannels();
    out.conv("quant_conv", "quant_conv", 2 * latent, 2 * latent, 1);
    out.conv("post_quant_conv", "post_quant_conv", latent, latent, 1);
    out.vaeDecoder(c);
    return List.copyOf(out.list);
  }

  /** The tensors of a text encoder, position ids not counted; 196 for SD1.5. */
  public static List<TensorName> of(TextEncoderConfig c) {
    TensorNames out = new TensorNames();
    int width = c.hiddenSize();
    out.same("embeddings.token_embedding.weight", c.vocabSize(), width);
    out.same("embeddings.position_embedding.weight", c.maxPositions(), width);
    for (int i = 0; i < c.layers(); i++) {
      String layer = "encoder.layers." + i + ".";
      out.norm(layer + "layer_norm1", layer + "layer_norm1", width);
      for (String part : List.of("q_proj", "k_proj", "v_proj", "out_proj")) {
        String name = layer + "self_attn." + part;
        out.linear(name, name, width, width);
      }
      out.norm(layer + "layer_norm2", layer + "layer_norm2", width);
      out.linear(layer + "mlp.fc1", layer + "mlp.fc1", c.intermediateSize(), width);
      out.linear(layer + "mlp.fc2", layer + "mlp.fc2", width, c.intermediateSize());
    }
    out.norm("final_layer_norm", "final_layer_norm", width);
    return List.copyOf(out.list);
  }

  /** The tensors of a matting head. */
  public static List<TensorName> of(MattingHeadConfig c) {
    TensorNames out = new TensorNames();
    out.conv("conv1", "conv1", c.hiddenChannels(), c.inChannels(), 3);
    out.conv("conv2", "conv2", 1, c.hiddenChannels(), 3);
    return List.copyOf(out.list);
  }

  private void unetDown(UNetConfig c) {
    int levels = c.levels();
    int in = c.blockOutChannels().getFirst();
    int block = 1;
    for (int i = 0; i < levels; i++) {
      int width = c.blockOutChannels().get(i);
      String down = "down_blocks." + i + ".";
      for (int j = 0; j < c.layersPerBlock(); j++) {
        String ldm = "input_blocks." + block++ + ".";
        unetResnet(down + "resnets." + j, ldm + "0", in, width, c.timeEmbeddingDim());
        if (c.downAttention().get(i)) {
          transformer(down + "attentions." + j, ldm + "1", width, c.crossAttentionDim());
        }
        in = width;
      }
      if (i < levels - 1) {
        conv(down + "downsamplers.0.conv", "input_blocks." + block++ + ".0.op", width, width, 3);
      }
    }
  }

  private void unetUp(UNetConfig c) {
    int last = c.levels() - 1;
    int in = c.blockOutChannels().getLast();
    int block = 0;
    for (int k = 0; k <= last; k++) {
      int width = c.blockOutChannels().get(last - k);
      int below = c.blockOutChannels().get(Math.max(last - k - 1, 0));
      boolean attention = c.upAttention().get(k);
      String up = "up_blocks." + k + ".";
      for (int j = 0; j <= c.layersPerBlock(); j++) {
        boolean end = j == c.layersPerBlock();
        String ldm = "output_blocks." + block++ + ".";
        // what waits from the way down is joined to the input
        int joined = in + (end ? below : width);
        unetResnet(up + "resnets." + j, ldm + "0", joined, width, c.timeEmbeddingDim());
        if (attention) {
          transformer(up + "attentions." + j, ldm + "1", width, c.crossAttentionDim());
        }
        if (end && k < last) {
          conv(up + "upsamplers.0.conv", ldm + (attention ? "2" : "1") + ".conv", width, width, 3);
        }
        in = width;
      }
    }
  }

  private void unetResnet(String name, String ldm, int in, int width, int time) {
    norm(name + ".norm1", ldm + ".in_layers.0", in);
    conv(name + ".conv1", ldm + ".in_layers.2", width, in, 3);
    linear(name + ".time_emb_proj", ldm + ".emb_layers.1", width, time);
    norm(name + ".norm2", ldm + ".out_layers.0", width);
    conv(name + ".conv2", ldm + ".out_layers.3", width, width, 3);
    if (in != width) {
      conv(name + ".conv_shortcut", ldm + ".skip_connection", width, in, 1);
    }
  }

  private void transformer(String name, String ldm, int width, int context) {
    norm(name + ".norm", ldm + ".norm", width);
    conv(name + ".proj_in", ldm + ".proj_in", width, width, 1);
    String block = name + ".transformer_blocks.0.";
    String ldmBlock = ldm + ".transformer_blocks.0.";
    for (int i = 1; i <= 2; i++) {
      norm(block + "norm" + i, ldmBlock + "norm" + i, width);
      String attention = block + "attn" + i + ".";
      String ldmAttention = ldmBlock + "attn" + i + ".";
      int source = i == 1 ? width : context;
      weight(attention + "to_q", ldmAttention + "to_q", width, width);
      weight(attention + "to_k", ldmAttention + "to_k", width, source);
      weight(attention + "to_v", ldmAttention + "to_v", width, source);
      linear(attention + "to_out.0", ldmAttention + "to_out.0", width, width);
    }
    norm(block + "norm3", ldmBlock + "norm3", width);
    linear(block + "ff.net.0.proj", ldmBlock + "ff.net.0.proj", 8 * width, width);
    linear(block + "ff.net.2", ldmBlock + "ff.net.2", width, 4 * width);
    conv(name + ".proj_out", ldm + ".proj_out", width, width, 1);
  }

  private void vaeEncoder(VaeConfig c) {
    int first = c.blockOutChannels().getFirst();
    int last = c.blockOutChannels().getLast();
    conv("encoder.conv_in", "encoder.conv_in", first, c.inChannels(), 3);
    int in = first;
    for (int i = 0; i < c.levels(); i++) {
      int width = c.blockOutChannels().get(i);
      String down = "encoder.down_blocks." + i + ".";
      String ldm = "encoder.down." + i + ".";
      for (int j = 0; j < c.layersPerBlock(); j++) {
        vaeResnet(down + "resnets." + j, ldm + "block." + j, in, width);
        in = width;
      }
      if (i < c.levels() - 1) {
        conv(down + "downsamplers.0.conv", ldm + "downsample.conv", width, width, 3);
      }
    }
    vaeMiddle("encoder", last);
    norm("encoder.conv_norm_out", "encoder.norm_out", last);
    conv("encoder.conv_out", "encoder.conv_out", 2 * c.latentChannels(), last, 3);
  }

  private void vaeDecoder(VaeConfig c) {
    int first = c.blockOutChannels().getFirst();
    int in = c.blockOutChannels().getLast();
    conv("decoder.conv_in", "decoder.conv_in", in, c.latentChannels(), 3);
    vaeMiddle("decoder", in);
    int last = c.levels() - 1;
    for (int k = 0; k <= last; k++) {
      int width = c.blockOutChannels().get(last - k);
      String up = "decoder.up_blocks." + k + ".";
      String ldm = "decoder.up." + (last - k) + "."; // counted from the full resolution there
      for (int j = 0; j <= c.layersPerBlock(); j++) {
        vaeResnet(up + "resnets." + j, ldm + "block." + j, in, width);
        in = width;
      }
      if (k < last) {
        conv(up + "upsamplers.0.conv", ldm + "upsample.conv", width, width, 3);
      }
    }
    norm("decoder.conv_norm_out", "decoder.norm_out", first);
    conv("decoder.conv_out", "decoder.conv_out", c.outChannels(), first, 3);
  }

  private void vaeMiddle(String part, int width) {
    String middle = part + ".mid_block.";
    String ldm = part + ".mid.";
    vaeResnet(middle + "resnets.0", ldm + "block_1", width, width);
    String attention = middle + "attentions.0.";
    norm(attention + "group_norm", ldm + "attn_1.norm", width);
    pointwise(attention + "to_q", ldm + "attn_1.q", width);
    pointwise(attention + "to_k", ldm + "attn_1.k", width);
    pointwise(attention + "to_v", ldm + "attn_1.v", width);
    pointwise(attention + "to_out.0", ldm + "attn_1.proj_out", width);
    vaeResnet(middle + "resnets.1", ldm + "block_2", width, width);
  }

  private void vaeResnet(String name, String ldm, int in, int width) {
    norm(name + ".norm1", ldm + ".norm1", in);
    conv(name + ".conv1", ldm + ".conv1", width, in, 3);
    norm(name + ".norm2", ldm + ".norm2", width);
    conv(name + ".conv2", ldm + ".conv2", width, width, 3);
    if (in != width) {
      conv(name + ".conv_shortcut", ldm + ".nin_shortcut", width, in, 1);
    }
  }

  private void norm(String name, String ldm, long width) {
    add(name + ".weight", ldm + ".weight", width);
    add(name + ".bias", ldm + ".bias", width);
  }

  private void conv(String name, String ldm, long out, long in, long side) {
    add(name + ".weight", ldm + ".weight", out, in, side, side);
    add(name + ".bias", ldm + ".bias", out);
  }

  private void linear(String name, String ldm, long out, long in) {
    weight(name, ldm, out, in);
    add(name + ".bias", ldm + ".bias", out);
  }

  private void weight(String name, String ldm, long out, long in) {
    add(name + ".weight", ldm + ".weight", out, in);
  }

  /** A linear layer here, a 1×1 convolution there. */
  private void pointwise(String name, String ldm, long width) {
    list.add(
        new TensorName(
            name + ".weight",
            ldm + ".weight",
            List.of(width, width),
            List.of(width, width, 1L, 1L)));
    add(name + ".bias", ldm + ".bias", width);
  }

  private void same(String name, long... shape) {
    add(name, name, shape);
  }

  private void add(String name, String ldm, long... shape) {
    List<Long> sizes = Arrays.stream(shape).boxed().toList();
    list.add(new TensorName(name, ldm, sizes, sizes));
  }
}
