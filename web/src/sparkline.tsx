const width = 120;
const height = 28;

/** The last values as a line, from zero to their largest. */
export function Sparkline({ values, label }: { values: number[]; label: string }) {
  const most = Math.max(...values, 1e-9);
  const points = values.map((value, i) => `${(i / Math.max(values.length - 1, 1)) * width},${height - 1 - (value / most) * (height - 2)}`);
  return (
    <svg class="sparkline" viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={label}>
      <polyline points={points.join(" ")} />
    </svg>
  );
}
