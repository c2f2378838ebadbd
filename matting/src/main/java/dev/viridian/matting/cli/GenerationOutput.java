package dev.viridian.matting.cli;

import dev.viridian.diffusion.pipeline.TextToImage;
import dev.viridian.diffusion.text.TokenizedPrompt;
import dev.viridian.engine.InputException;
import dev.viridian.engine.io.FileType;
import dev.viridian.engine.io.SafetensorsWriter;
import dev.viridian.engine.io.TensorInfo;
import dev.viridian.engine.io.Text;
import dev.viridian.engine.nn.PackedLayers;
import dev.viridian.matting.BuiltInModel;
import dev.viridian.matting.Cutout;
import dev.viridian.matting.DiffuMatting;
import dev.viridian.matting.image.OutputFiles;
import dev.viridian.matting.image.OutputNames;
import dev.viridian.matting.image.PngText;
import dev.viridian.matting.image.PngWriter;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * Writes what {@code generate} made: four files a picture, and on demand the tensors of the run.
 */
final class GenerationOutput {
  private static final JsonMapper JSON =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

  /** More than PNG ever adds to the bytes of a picture: 4 + 3 + 2 bytes a pixel in three files. */
  private static final long BYTES_A_PIXEL = 10;

  private final GenerateOptions options;
  private final List<OutputNames> names;
  private final List<Map<String, Object>> written = new ArrayList<>();
  private final List<float[]> latents = new ArrayList<>();
  private final List<float[]> decoded = new ArrayList<>();
  private final List<float[]> coarse = new ArrayList<>();
  private int latentChannels;
  private int pixelsPerLatent;

  GenerationOutput(GenerateOptions options, List<OutputNames> names) {
    this.options = options;
    this.names = names;
  }

  /** Refuses, before long work begins, what could not be written. */
  void prepare() {
    Set<Path> targets = new HashSet<>();
    for (OutputNames name : names) {
      for (Path file : name.all()) {
        targets.add(file.toAbsolutePath().normalize());
        OutputFiles.refuseExisting(file, options.overwrite);
      }
    }
    long bytes = options.pictures() * options.width * options.height * BYTES_A_PIXEL;
    OutputFiles.prepareFolder(folder(), bytes);
    for (Path file : new Path[] {options.latents, options.raw}) {
      if (file != null) {
        if (!targets.add(file.toAbsolutePath().normalize())) {
          throw new InputException(
              Text.line(file.toString())
                  + " would be written twice; give --output, --latents and --raw names of their"
                  + " own");
        }
        OutputFiles.refuseExisting(file, options.overwrite);
        OutputFiles.prepareFolder(file.toAbsolutePath().getParent(), bytes);
      }
    }
  }

  /** The folder of the pictures. */
  Path folder() {
    return names.getFirst().picture().toAbsolutePath().getParent();
  }

  /** The first picture's file. */
  Path first() {
    return names.getFirst().picture();
  }

  /** What was written, a record each, as in the JSON files. */
  List<Map<String, Object>> written() {
    return written;
  }

  /** Writes the pictures of batch number {@code batch}. */
  void write(
      int batch,
      DiffuMatting.Result result,
      TextToImage request,
      DiffuMatting model,
      RunRecord record) {
    latentChannels = model.diffusion().files().configs().vae().latentChannels();
    pixelsPerLatent = model.diffusion().files().configs().vae().pixelsPerLatent();
    for (int i = 0; i < result.cutouts().size(); i++) {
      int index = batch * options.batchSize + i;
      Cutout cutout = result.cutouts().get(i);
      write(names.get(index), cutout, i, request, model, record);
      if (options.raw != null) {
        decoded.add(cutout.decoded());
        float[] mask = cutout.coarse();
        if (mask != null) {
          coarse.add(mask);
        }
      }
    }
    if (options.latents != null) {
      latents.add(result.latents());
    }
  }

  private void write(
      OutputNames name,
      Cutout cutout,
      int inBatch,
      TextToImage request,
      DiffuMatting model,
      RunRecord record) {
    int w = cutout.width();
    int h = cutout.height();
    List<PngText> texts = new ArrayList<>();
    texts.add(parameters(cutout, request, model));
    texts.addAll(PngText.aiGenerated("Viridian " + VersionText.viridian()));
    Map<String, Object> json = describe(name, cutout, inBatch, request, model, record);
    // All four files of a picture or none of them.
    try (OutputFiles.Group files = new OutputFiles.Group(options.overwrite)) {
      files.write(name.green(), PngWriter.rgb(w, h, cutout.greenPixels(), texts));
      files.write(name.alpha(), PngWriter.grey16(w, h, cutout.alphaPixels(), texts));
      files.write(
          name.json(), (JSON.writeValueAsString(json) + "\n").getBytes(StandardCharsets.UTF_8));
      files.write(name.picture(), PngWriter.rgba(w, h, cutout.rgbaPixels(), texts));
      files.keep();
    }
    written.add(json);
  }

  private PngText parameters(Cutout cutout, TextToImage request, DiffuMatting model) {
    Map<String, String> values = new LinkedHashMap<>();
    values.put("Steps", Integer.toString(request.steps()));
    values.put("Sampler", model.diffusion().samplerName(request));
    values.put("Schedule type", request.schedule());
    values.put("CFG scale", number(request.guidance()));
    values.put("Seed", Long.toString(cutout.seed()));
    values.put("Size", cutout.width() + "x" + cutout.height());
    values.put("Model hash", model.fingerprint().substring(0, 10));
    values.put("Model", modelName());
    if (request.skipLayers() > 0) {
      values.put("Clip skip", Integer.toString(request.skipLayers() + 1));
    }
    values.put("Version", "Viridian " + VersionText.viridian());
    return PngText.parameters(request.prompt(), request.negativePrompt(), values);
  }

  private String modelName() {
    String model = options.model;
    if (model == null) {
      return BuiltInModel.NAME;
    }
    Path file = Path.of(model).getFileName();
    return file == null ? model : file.toString();
  }

  private static String number(double value) {
    return value == Math.rint(value)
        ? String.format(Locale.ROOT, "%.0f", value)
        : Double.toString(value);
  }

  private Map<String, Object> describe(
      OutputNames name,
      Cutout cutout,
      int inBatch,
      TextToImage request,
      DiffuMatting model,
      RunRecord record) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("file", String.valueOf(name.picture().getFileName()));
    json.put("prompt", request.prompt());
    json.put("negative_prompt", request.negativePrompt());
    TokenizedPrompt tokens = model.diffusion().tokenizer().encode(request.prompt());
    json.put("token_ids", tokens.ids());
    json.put("green_positions", tokens.greenPositions());
    json.put("seed", cutout.seed());
    json.put("batch_size", request.batch());
    json.put("index_in_batch", inBatch);
    json.put("sampler", model.diffusion().samplerName(request));
    json.put("schedule", request.schedule());
    json.put("spacing", request.spacing());
    json.put("eta", request.eta());
    json.put("steps", request.steps());
    json.put("cfg_scale", request.guidance());
    json.put("clip_skip", request.skipLayers() + 1);
    json.put("width", cutout.width());
    json.put("height", cutout.height());
    json.put("matting", cutout.hasAlpha() ? "coarse" : "none");
    json.put("model", options.model == null ? BuiltInModel.NAME : options.model);
    json.put("model_hash", model.fingerprint());
    json.put("device", model.diffusion().device().name());
    json.put("dtype", options.dtype);
    PackedLayers layers = model.diffusion().packedLayers();
    if (!layers.equals(PackedLayers.NONE)) {
      json.put("layers", layers.json());
    }
    json.put("threads", options.threads);
    json.put(
        "versions",
        Map.of("viridian", VersionText.viridian(), "java", Runtime.version().toString()));
    json.put("phases", new LinkedHashMap<>(record.phases()));
    json.put("seconds_to_first_step", record.secondsToFirstStep());
    json.put("peak_resident_bytes", RunRecord.peakResidentBytes());
    json.put("generated_by", "AI");
    return json;
  }

  /** Writes the files of {@code --latents} and {@code --raw}. */
  void writeTensors() {
    long n = options.pictures();
    try (Arena arena = Arena.ofConfined()) {
      if (options.latents != null) {
        SafetensorsWriter writer = new SafetensorsWriter();
        long h = options.height / pixelsPerLatent;
        long w = options.width / pixelsPerLatent;
        add(writer, arena, "latents", latents, n, latentChannels, h, w);
        writer.write(options.latents);
      }
      if (options.raw != null) {
        SafetensorsWriter writer = new SafetensorsWriter();
        List<float[]> planes = decoded.stream().map(GenerationOutput::planes).toList();
        add(writer, arena, "image", planes, n, 3, options.height, options.width);
        if (!coarse.isEmpty()) {
          add(writer, arena, "coarse", coarse, n, 1, options.height, options.width);
        }
        writer.write(options.raw);
      }
    }
  }

  /** [h, w, 3] as [3, h, w]. */
  private static float[] planes(float[] pixels) {
    int n = pixels.length / 3;
    float[] planes = new float[pixels.length];
    for (int i = 0; i < n; i++) {
      for (int c = 0; c < 3; c++) {
        planes[c * n + i] = pixels[3 * i + c];
      }
    }
    return planes;
  }

  private static void add(
      SafetensorsWriter writer, Arena arena, String name, List<float[]> parts, long... shape) {
    long total = parts.stream().mapToLong(p -> p.length).sum();
    MemorySegment all = arena.allocate(total * Float.BYTES, Float.BYTES);
    long at = 0;
    for (float[] part : parts) {
      MemorySegment.copy(part, 0, all, ValueLayout.JAVA_FLOAT, at, part.length);
      at += (long) part.length * Float.BYTES;
    }
    List<Long> sizes = new ArrayList<>();
    for (long size : shape) {
      sizes.add(size);
    }
    writer.add(new TensorInfo(name, FileType.F32, sizes), all);
  }
}
