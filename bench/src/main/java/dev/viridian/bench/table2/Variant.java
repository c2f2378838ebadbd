package dev.viridian.bench.table2;

/** Which losses a run has beside that of the noise. */
public enum Variant {
  /** As the paper trains. */
  ALL("all", "all losses", 1, 1),
  /** Nothing ties the word "green" to the background. */
  WITHOUT_GREEN("without-green", "without L_g", 0, 1),
  /** Edges count no more than other pixels. */
  WITHOUT_DETAIL("without-detail", "without L_detail", 1, 0);

  private final String key;
  private final String label;
  private final int green;
  private final int detail;

  Variant(String key, String label, int green, int detail) {
    this.key = key;
    this.label = label;
    this.green = green;
    this.detail = detail;
  }

  /** In names of folders. */
  String key() {
    return key;
  }

  /** In tables. */
  String label() {
    return label;
  }

  /** The weight of L_g. */
  int green() {
    return green;
  }

  /** The weight of L_detail. */
  int detail() {
    return detail;
  }
}
