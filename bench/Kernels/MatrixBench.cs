using DistSgd.Kernels.Matrix;

namespace DistSgd.Bench.Kernels;

/// <summary>Matrix products at the shapes of an MLP's training step, beside the FMA peak of the same run, OpenBLAS, and two threads.</summary>
public static class MatrixBench
{
    private const string Twice = "two threads";
    private const double OperationsPerTiming = 3e8;

    private sealed record Shape(string Name, int Rows, int Depth, int Columns, bool TurnA, bool TurnB)
    {
        public double Operations => 2.0 * Rows * Depth * Columns;

        public string Title => $"{Name} {Rows}x{Depth}x{Columns}{(TurnA ? " AᵀB" : TurnB ? " ABᵀ" : " AB")}";
    }

    private static readonly Shape[] Shapes =
    [
        new("forward", 128, 784, 256, false, false), new("forward", 128, 256, 128, false, false), new("forward", 128, 128, 10, false, false),
        new("weights", 784, 128, 256, true, false), new("weights", 256, 128, 128, true, false), new("weights", 128, 128, 10, true, false),
        new("inputs", 128, 256, 784, false, true), new("inputs", 128, 128, 256, false, true), new("inputs", 128, 10, 128, false, true),
        new("square", 512, 512, 512, false, false),
    ];

    /// <summary>Measures.</summary>
    /// <param name="rounds">How often each piece of work is timed; the shortest counts.</param>
    /// <param name="sink">Receives the figures.</param>
    /// <param name="notice">Receives a sentence when OpenBLAS isn't there.</param>
    public static void Run(int rounds, Action<BenchRow> sink, Action<string> notice)
    {
        ArgumentNullException.ThrowIfNull(sink);
        ArgumentNullException.ThrowIfNull(notice);
        var blas = OpenBlas.Find();
        if (blas is null) notice("No libopenblas.so.0 on this machine (Debian: libopenblas0-pthread): its rows are left out.");
        using var team = new MatrixTeam(2);
        var clock = new Stopclock();
        clock.Add(FmaPeak.One, FmaPeak.RunOne);
        clock.Add(Twice, FmaPeak.RunTwo);
        foreach (var shape in Shapes) Add(clock, shape, team, blas);
        clock.Run(rounds);
        var peak = FmaPeak.Rate(clock[FmaPeak.One]);
        foreach (var row in FmaPeak.Rows(clock[FmaPeak.One], clock[Twice])) sink(row);
        foreach (var shape in Shapes)
        {
            var (own, two) = (Rate(shape.Title), Rate(Two(shape)));
            sink(new BenchRow($"product, {shape.Title}", own / 1e9, "GFLOP/s", FmaPeak.One, own / peak));
            if (blas is not null) sink(new BenchRow($"product, {shape.Title}", own / 1e9, "GFLOP/s", "OpenBLAS, 1 thread", own / Rate(Blas(shape))));
            sink(new BenchRow($"product, {shape.Title}, 2 threads", two / 1e9, "GFLOP/s", "1 thread", two / own));

            double Rate(string name) => shape.Operations * Repeats(shape) / clock[name];
        }
    }

    private static void Add(Stopclock clock, Shape shape, MatrixTeam team, OpenBlas? blas)
    {
        var (a, b, c) = (Values(shape.Rows * shape.Depth), Values(shape.Depth * shape.Columns), new float[shape.Rows * shape.Columns]);
        clock.Add(shape.Title, () =>
        {
            for (var i = 0; i < Repeats(shape); i++) MatrixProduct.Set(Left(), Right(), new MatrixSpan(c, shape.Rows, shape.Columns));
        });
        if (blas is not null)
        {
            clock.Add(Blas(shape), () =>
            {
                for (var i = 0; i < Repeats(shape); i++) blas.Multiply(shape.Rows, shape.Depth, shape.Columns, shape.TurnA, shape.TurnB, a, b, c);
            });
        }

        clock.Add(Two(shape), () =>
        {
            for (var i = 0; i < Repeats(shape); i++) team.Set(Left(), Right(), new MatrixSpan(c, shape.Rows, shape.Columns));
        });

        ReadOnlyMatrixSpan Left() => shape.TurnA ? new ReadOnlyMatrixSpan(a, shape.Depth, shape.Rows).Transposed : new ReadOnlyMatrixSpan(a, shape.Rows, shape.Depth);
        ReadOnlyMatrixSpan Right() => shape.TurnB ? new ReadOnlyMatrixSpan(b, shape.Columns, shape.Depth).Transposed : new ReadOnlyMatrixSpan(b, shape.Depth, shape.Columns);
    }

    private static string Blas(Shape shape) => shape.Title + " OpenBLAS";

    private static string Two(Shape shape) => shape.Title + " 2 threads";

    private static int Repeats(Shape shape) => Math.Max(1, (int)(OperationsPerTiming / shape.Operations));

    private static float[] Values(int length)
    {
        var random = new Random(1);
        return [.. Enumerable.Range(0, length).Select(_ => random.NextSingle() - 0.5f)];
    }
}
