package dev.viridian.matting.train;

import dev.viridian.engine.io.AtomicFile;
import dev.viridian.engine.io.FileErrors;
import dev.viridian.engine.io.Text;
import dev.viridian.engine.io.WriteException;
import java.awt.Color;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.markers.SeriesMarkers;

/**
 * A page of a run's curves and validation pictures: {@code report.html} in the output folder, which
 * needs nothing else but the pictures beside it. Stateless.
 */
public final class LossReport {
  private static final int WIDTH = 900;
  private static final int HEIGHT = 320;

  /** Points of a curve: each is the mean of as many steps as it takes. */
  private static final int POINTS = 400;

  private LossReport() {}

  /**
   * Writes the page.
   *
   * @param output with {@code scalars.csv} and perhaps {@code validation/}
   * @param facts shown above the curves
   */
  public static void write(Path output, Map<String, String> facts) {
    Path target = output.resolve("report.html");
    StringBuilder page = new StringBuilder();
    page.append("<!doctype html><meta charset=\"utf-8\"><title>Training</title>\n<style>");
    page.append("body{font:15px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}");
    page.append("td{padding:0 1em 0 0}img{margin:4px;image-rendering:pixelated}");
    page.append(".curve{display:block}</style>\n<h1>Training</h1>\n<table>\n");
    facts.forEach((key, value) -> page.append(row(key, value)));
    page.append("</table>\n");
    try {
      List<String> lines = Files.readAllLines(output.resolve("scalars.csv"));
      String[] names = lines.getFirst().split(",");
      for (int column = 1; column < names.length; column++) {
        page.append(curve(names[column], points(lines, column)));
      }
      pictures(output.resolve("validation"), page);
    } catch (IOException e) {
      throw new WriteException(
          Text.line(target.toString()) + ": cannot be written: " + FileErrors.reason(e), e);
    }
    byte[] bytes = page.toString().getBytes(StandardCharsets.UTF_8);
    AtomicFile.write(target, bytes);
  }

  private static String row(String key, String value) {
    return "<tr><td>" + escaped(key) + "<td>" + escaped(value) + "</tr>\n";
  }

  private static String escaped(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("\"", "&quot;");
  }

  /** Step and mean value of each run of rows. */
  static List<double[]> points(List<String> lines, int column) {
    int rows = lines.size() - 1;
    int each = Math.max(1, Math.ceilDiv(rows, POINTS));
    List<double[]> points = new ArrayList<>();
    for (int from = 1; from <= rows; from += each) {
      double step = 0;
      double value = 0;
      int count = 0;
      for (int i = from; i < Math.min(from + each, rows + 1); i++) {
        String[] cells = lines.get(i).split(",");
        double cell = Double.parseDouble(cells[column]);
        if (Double.isFinite(cell)) {
          step += Double.parseDouble(cells[0]);
          value += cell;
          count++;
        }
      }
      if (count > 0) {
        points.add(new double[] {step / count, value / count});
      }
    }
    return points;
  }

  /** The curve as a picture within the page; where Java finds no fonts, a line that says so. */
  private static String curve(String name, List<double[]> points) throws IOException {
    if (points.isEmpty()) {
      return "<p>no values</p>\n";
    }
    try {
      return picture(name, points);
    } catch (RuntimeException | LinkageError | InternalError e) {
      // What the JDK throws then differs by system; a run is not to end by it.
      String line = name + ": not drawn, " + e + " (are there fonts?); scalars.csv has the values";
      return "<p>" + escaped(line) + "</p>\n";
    }
  }

  private static String picture(String name, List<double[]> points) throws IOException {
    XYChart chart =
        new XYChartBuilder().width(WIDTH).height(HEIGHT).xAxisTitle("step").title(name).build();
    chart.getStyler().setLegendVisible(false).setChartBackgroundColor(Color.WHITE);
    double[] steps = points.stream().mapToDouble(p -> p[0]).toArray();
    double[] values = points.stream().mapToDouble(p -> p[1]).toArray();
    XYSeries series = chart.addSeries(name, steps, values);
    series.setMarker(points.size() == 1 ? SeriesMarkers.CIRCLE : SeriesMarkers.NONE);
    ByteArrayOutputStream png = new ByteArrayOutputStream();
    ImageIO.write(BitmapEncoder.getBufferedImage(chart), "png", png);
    return "<img class=\"curve\" alt=\""
        + escaped(name)
        + "\" src=\"data:image/png;base64,"
        + Base64.getEncoder().encodeToString(png.toByteArray())
        + "\">\n";
  }

  private static void pictures(Path folder, StringBuilder page) throws IOException {
    if (!Files.isDirectory(folder)) {
      return;
    }
    page.append("<h2>Validation pictures, by step</h2>\n");
    try (Stream<Path> list = Files.list(folder)) {
      list.map(path -> path.getFileName().toString())
          .filter(name -> name.matches("\\d+-\\d+\\.png"))
          .sorted(
              Comparator.comparingLong((String n) -> number(n, 0))
                  .thenComparingLong(n -> number(n, 1)))
          .forEach(
              name ->
                  page.append("<img width=\"128\" src=\"validation/")
                      .append(name)
                      .append("\" title=\"")
                      .append(name)
                      .append("\">\n"));
    }
  }

  private static long number(String name, int part) {
    return Long.parseLong(name.substring(0, name.indexOf('.')).split("-")[part]);
  }
}
