package dev.viridian.diffusion.weights;

import java.util.List;

/** Checks that the records of configurations share; what fails is named as config.json names it. */
final class ConfigChecks {
  /** The largest channel count, width or size that is taken seriously. */
  static final int LARGEST = 1_000_000;

  /** The most layers of one kind: every one of them is an object before any file is looked at. */
  static final int MOST_LAYERS = 256;

  private static final int MOST_LEVELS = 16;

  private ConfigChecks() {}

  static void range(String key, int value, int least, int most) {
    if (value < least || value > most) {
      throw new IllegalArgumentException(key + " " + value + ", expected " + least + " to " + most);
    }
  }

  static void positive(String key, int value) {
    range(key, value, 1, LARGEST);
  }

  static void epsilon(String key, float value) {
    if (!(value >= 0 && value < 1)) {
      throw new IllegalArgumentException(key + " " + value + ", expected 0 or more, below 1");
    }
  }

  static void sameLength(String key, List<?> values, List<?> channels) {
    if (values.size() != channels.size()) {
      throw new IllegalArgumentException(
          key
              + " has "
              + values.size()
              + " entries, expected "
              + channels.size()
              + " as block_out_channels has");
    }
  }

  /** Channels of the levels, resnets of each and groups of their norms. */
  static void levels(List<Integer> channels, int layersPerBlock, int groups) {
    if (channels.isEmpty() || channels.size() > MOST_LEVELS) {
      throw new IllegalArgumentException(
          "block_out_channels has " + channels.size() + " entries, expected 1 to " + MOST_LEVELS);
    }
    range("layers_per_block", layersPerBlock, 1, MOST_LAYERS);
    positive("norm_num_groups", groups);
    for (int i = 0; i < channels.size(); i++) {
      positive("block_out_channels[" + i + "]", channels.get(i));
      if (channels.get(i) % groups != 0) {
        throw new IllegalArgumentException(
            "norm_num_groups "
                + groups
                + " does not divide block_out_channels["
                + i
                + "] "
                + channels.get(i));
      }
    }
  }
}
