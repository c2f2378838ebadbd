package dev.viridian.matting.cli;

import dev.viridian.matting.image.Images;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.imageio.ImageIO;

/** A data set of discs on green and the shapes of a model to train on it, as small as can be. */
final class TinyData {
  /** Shapes with a part of every kind; latents are half the pictures' size. */
  static final String CONFIG =
      """
      {"unet": {"in_channels": 4, "out_channels": 4, "block_out_channels": [8, 16],
        "layers_per_block": 1, "attention_head_dim": 2, "cross_attention_dim": 8,
        "norm_num_groups": 4, "norm_eps": 1e-5, "sample_size": 8,
        "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
        "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"]},
       "vae": {"in_channels": 3, "out_channels": 3, "latent_channels": 4,
        "block_out_channels": [8, 8], "layers_per_block": 1, "norm_num_groups": 4,
        "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D"],
        "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D"]},
       "text_encoder": {"vocab_size": 2000, "hidden_size": 8, "intermediate_size": 16,
        "num_hidden_layers": 1, "num_attention_heads": 2,
        "max_position_embeddings": 24},
       "matting_head": {"in_channels": 8, "hidden_channels": 8}}
      """;

  private static final String[] COLOURS = {"red", "blue", "yellow"};
  private static final float[][] VALUES = {
    {0.9f, 0.1f, 0.1f}, {0.1f, 0.2f, 0.9f}, {0.9f, 0.8f, 0.1f}
  };

  private TinyData() {}

  /** Writes a data set of pictures of 16×16. */
  static Path write(Path folder, int count) throws IOException {
    Files.createDirectories(folder.resolve("images"));
    Files.createDirectories(folder.resolve("alphas"));
    List<String> lines = new ArrayList<>();
    int side = 16;
    for (int i = 0; i < count; i++) {
      float[] rgb = new float[side * side * 3];
      float[] alpha = new float[side * side];
      float[] colour = VALUES[i % VALUES.length];
      for (int p = 0; p < alpha.length; p++) {
        double distance = Math.hypot(p % side - 5.5 - i % 4, p / side - 6.5 - i % 3);
        alpha[p] = (float) Math.clamp(5 - distance, 0, 1);
        for (int c = 0; c < 3; c++) {
          rgb[3 * p + c] = alpha[p] * colour[c] + (1 - alpha[p]) * (c == 1 ? 1 : 0);
        }
      }
      String name = String.format("%05d.png", i);
      ImageIO.write(
          Images.toBufferedImage(side, side, Images.toBytes(rgb)),
          "png",
          folder.resolve("images").resolve(name).toFile());
      ImageIO.write(
          Images.toGrey16(side, side, Images.toShorts(alpha)),
          "png",
          folder.resolve("alphas").resolve(name).toFile());
      lines.add(
          "{\"file_name\": \"images/%s\", \"alpha_file_name\": \"alphas/%s\", \"text\": \"a %s ball\"}"
              .formatted(name, name, COLOURS[i % COLOURS.length]));
    }
    Files.write(folder.resolve("metadata.jsonl"), lines);
    return folder;
  }

  /** Writes {@link #CONFIG}. */
  static Path config(Path folder) throws IOException {
    return Files.writeString(folder.resolve("tiny.json"), CONFIG);
  }
}
