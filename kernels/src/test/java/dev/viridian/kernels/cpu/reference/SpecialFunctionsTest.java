package dev.viridian.kernels.cpu.reference;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SpecialFunctionsTest {
  /** Values of the C library's erf and erfc. */
  @ParameterizedTest
  @CsvSource({
    "0.0,0.0,1.0",
    "1e-10,1.1283791670955126e-10,0.999999999887162",
    "0.1,0.1124629160182849,0.8875370839817152",
    "0.5,0.5204998778130465,0.4795001221869535",
    "1,0.8427007929497149,0.15729920705028513",
    "1.5,0.9661051464753108,0.033894853524689274",
    "2,0.9953222650189527,0.004677734981047265",
    "2.4999,0.9995928300996666,0.0004071699003334514",
    "2.5,0.999593047982555,0.0004069520174449589",
    "3,0.9999779095030014,2.2090496998585438e-05",
    "4,0.9999999845827421,1.541725790028002e-08",
    "5.5,0.9999999999999927,7.357847917974398e-15",
    "10,1.0,2.088487583762545e-45",
    "26,1.0,5.663192408856143e-296",
  })
  void errorFunction(double x, double erf, double erfc) {
    assertEquals(erf, SpecialFunctions.erf(x), 4 * Math.ulp(erf));
    assertEquals(-erf, SpecialFunctions.erf(-x), 4 * Math.ulp(erf));
    assertEquals(erfc, SpecialFunctions.erfc(x), 1e-12 * erfc);
    assertEquals(1 + erf, SpecialFunctions.erfc(-x), 1e-15);
  }

  @Test
  void errorFunctionAtTheEnds() {
    assertEquals(1, SpecialFunctions.erf(Double.POSITIVE_INFINITY));
    assertEquals(-1, SpecialFunctions.erf(Double.NEGATIVE_INFINITY));
    assertEquals(0, SpecialFunctions.erfc(Double.POSITIVE_INFINITY));
    assertEquals(2, SpecialFunctions.erfc(Double.NEGATIVE_INFINITY));
    assertTrue(Double.isNaN(SpecialFunctions.erf(Double.NaN)));
    assertTrue(Double.isNaN(SpecialFunctions.erfc(Double.NaN)));
    assertEquals(0, SpecialFunctions.gelu(Double.NEGATIVE_INFINITY), 0.0);
  }

  @Test
  void derivativesMatchDifferences() {
    double h = 1e-5;
    for (double x = -8; x <= 8; x += 0.37) {
      double gelu = (SpecialFunctions.gelu(x + h) - SpecialFunctions.gelu(x - h)) / (2 * h);
      assertEquals(gelu, SpecialFunctions.geluDerivative(x), 1e-9);
      double silu =
          ((x + h) * SpecialFunctions.sigmoid(x + h) - (x - h) * SpecialFunctions.sigmoid(x - h))
              / (2 * h);
      assertEquals(silu, SpecialFunctions.siluDerivative(x), 1e-9);
    }
  }
}
