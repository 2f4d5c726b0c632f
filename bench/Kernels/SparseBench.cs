using DistSgd.Kernels;

namespace DistSgd.Bench.Kernels;

/// <summary>The training runs over sparse rows, compared with a read-only pass of dot products in file order.</summary>
public static class SparseBench
{
    private const int Batch = 128;
    private const int BlockRows = 1000;
    private const float Rate = 0.1f;
    private const float Delta = 1e-6f;

    /// <summary>Measures one data set.</summary>
    /// <param name="data">The data.</param>
    /// <param name="rounds">How often each piece of work is timed; the shortest counts.</param>
    /// <param name="sink">Receives the figures.</param>
    public static void Run(CompressedRows data, int rounds, Action<BenchRow> sink)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(sink);
        data.Rows.Check(data.Features);
        var keys = data.Features + 1;
        using var weights = new NativeBuffer<float>(keys);
        using var entries = new NativeBuffer<float>(2L * keys);
        using var sums = new NativeBuffer<float>(keys);
        var (w, e, s) = (weights.AsMemory(0, keys), entries.AsMemory(0, 2 * keys), sums.AsMemory(0, keys));
        var touched = new uint[keys + 1];
        var scores = new float[data.Labels.Length];
        var fileOrder = Enumerable.Range(0, data.Labels.Length).ToArray();
        var bias = data.Features;
        var clock = new Stopclock();

        const string Limit = "read-only dot pass, file order";
        clock.Add(Limit, () => RowScores.Compute(data.Rows, fileOrder, bias, w.Span, scores));
        foreach (var (name, order) in new[]
        {
            ("file order", fileOrder),
            ("shuffled in blocks of 1,000", data.Shuffled(1, BlockRows)),
            ("fully shuffled", data.Shuffled(1, data.Labels.Length)),
        })
        {
            clock.Add($"SGD online, {name}", () => SparseSgdRun.Online<LogisticDerivative>(data.Rows, order, Rate, Rate, bias, w.Span, scores));
            clock.Add($"SGD mini-batch 128, {name}", () => SparseSgdRun.MiniBatch<LogisticDerivative>(data.Rows, order, Batch, Rate, Rate, bias, w.Span, scores));
            clock.Add($"AdaGrad online, {name}", () => SparseAdaGradRun.Online<LogisticDerivative>(data.Rows, order, Rate, Delta, bias, e.Span, scores));
            clock.Add($"AdaGrad mini-batch 128, {name}", () => SparseAdaGradRun.MiniBatch<LogisticDerivative>(
                data.Rows, order, Batch, Rate, Delta, bias, e.Span, scores, s.Span, touched));
        }

        clock.Run(rounds);
        foreach (var name in clock.Names)
        {
            var cycles = clock[name] / clock.CycleSeconds / data.Indices.Length;
            sink(new BenchRow($"{data.Name}: {name}", cycles, "cycles/non-zero", name == Limit ? "" : Limit, clock[Limit] / clock[name]));
        }
    }

    private readonly struct LogisticDerivative : ILossDerivative
    {
        public float Derivative(float score, float label) => ScalarMath.LogisticDerivative(score, label);
    }
}
