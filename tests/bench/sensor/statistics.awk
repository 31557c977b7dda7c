# SPDX-License-Identifier: Apache-2.0
# statistics.awk: the median of the numbers on stdin and the interval that holds it with 95 % confidence, from order
# statistics: no shape of the distribution is assumed. Below six numbers no such interval exists; smallest and largest
# are given then, in parentheses. Prints: MEDIAN INTERVAL
{ a[NR] = $1 + 0 }
END {
  if (NR == 0) { print "- -"; exit }
  for (i = 2; i <= NR; i++) { # insertion: some hundred numbers at most
    x = a[i]
    for (j = i - 1; j > 0 && a[j] > x; j--) a[j + 1] = a[j]
    a[j + 1] = x
  }
  middle = (a[int((NR + 1) / 2)] + a[int(NR / 2) + 1]) / 2
  # The largest k so that fewer than k of NR fair coins show heads with at most 2.5 % probability: ranks k and NR + 1 -
  # k.
  sum = 0; k = 0
  term = exp(-NR * log(2))
  for (i = 0; i < NR; i++) {
    sum += term
    if (sum > 0.025) break
    k = i + 1
    term *= (NR - i) / (i + 1)
  }
  format = places == "" ? "%.1f" : "%." places "f"
  if (k == 0) printf format " (" format ".." format ")\n", middle, a[1], a[NR]
  else printf format " [" format ".." format "]\n", middle, a[k], a[NR + 1 - k]
}
