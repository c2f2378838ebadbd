package dev.viridian.bench.profile;

import dev.viridian.engine.io.AtomicFile;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** A profile as a file of Chrome's trace viewer and of Perfetto. */
public final class Trace {
  private Trace() {}

  /**
   * Writes every call as a complete event, in microseconds from the first one's start.
   *
   * @throws dev.viridian.engine.InputException if the file cannot be written
   */
  public static void write(Path file, Profile profile) {
    long first = profile.calls().stream().mapToLong(Profile.Call::start).min().orElse(0);
    ObjectNode root = JsonMapper.shared().createObjectNode();
    root.put("displayTimeUnit", "ms");
    ArrayNode events = root.putArray("traceEvents");
    for (Profile.Call call : profile.calls()) {
      ObjectNode event = events.addObject();
      event.put("name", call.operation());
      event.put("cat", call.operation().substring(0, call.operation().indexOf('.')));
      event.put("ph", "X");
      event.put("pid", 1);
      event.put("tid", 1);
      event.put("ts", (call.start() - first) / 1e3);
      event.put("dur", call.nanos() / 1e3);
      ObjectNode arguments = event.putObject("args");
      arguments.put("problem", call.problem());
      if (call.flops() > 0) {
        arguments.put("gflops", call.flops() / call.nanos());
      }
    }
    byte[] json = JsonMapper.shared().writeValueAsBytes(root);
    AtomicFile.write(
        file,
        channel -> {
          ByteBuffer bytes = ByteBuffer.wrap(json);
          while (bytes.hasRemaining()) {
            channel.write(bytes);
          }
        });
  }
}
