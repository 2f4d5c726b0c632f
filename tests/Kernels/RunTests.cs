namespace DistSgd.Kernels.Tests;

public sealed class RunTests
{
    private const float Rate = 0.3f;
    private const float BiasRate = 0.07f;
    private const float Delta = 1e-6f;

    // Rows of 0..n non-zeros over few and over many features.
    private static readonly (int Rows, int Features, int NonZerosMax)[] Shapes = [(300, 40, 40), (200, 500, 256), (1, 3, 3), (0, 5, 5)];

    [Fact]
    public void SgdOnline_AnyRows_EqualsTheDescription()
    {
        ForEach((block, bias, what) =>
        {
            SgdOnlineEqualsTwin<Logistic>(block, bias, what);
            SgdOnlineEqualsTwin<Hinge>(block, bias, what);
        });
    }

    [Fact]
    public void SgdMiniBatch_AnyBatch_EqualsTheDescription()
    {
        ForEach((block, bias, what) =>
        {
            foreach (var batch in new[] { 1, 7, 128, 1000 })
            {
                var (expected, expectedScores) = (Weights(block, 1), new float[block.Order.Length]);
                var (actual, scores) = (Weights(block, 1), new float[block.Order.Length]);
                RunTwins.Sgd<Logistic>(block, batch, Rate, BiasRate, bias, expected, expectedScores);
                SparseSgdRun.MiniBatch<Logistic>(block.Rows, block.Order, batch, Rate, BiasRate, bias, actual, scores);
                Samples.SameBits(expectedScores, scores, $"{what}, batch {batch}, scores");
                Samples.SameBits(expected, actual, $"{what}, batch {batch}, weights");
            }
        });
    }

    [Fact]
    public void AdaGradOnline_EveryForm_EqualsTheDescription()
    {
        foreach (var form in Samples.Forms())
        {
            ForEach((block, bias, what) =>
            {
                AdaGradOnlineEqualsTwin<Logistic>(form, block, bias, what);
                AdaGradOnlineEqualsTwin<Hinge>(form, block, bias, what);
            });
        }
    }

    [Fact]
    public void AdaGradMiniBatch_EveryForm_EqualsTheDescriptionAndLeavesTheScratchZero()
    {
        foreach (var form in Samples.Forms())
        {
            ForEach((block, bias, what) =>
            {
                foreach (var batch in new[] { 1, 7, 128, 1000 })
                {
                    var (expected, expectedScores) = (Weights(block, 2), new float[block.Order.Length]);
                    var (actual, scores) = (Weights(block, 2), new float[block.Order.Length]);
                    var gradient = new float[actual.Length / 2];
                    RunTwins.AdaGradMiniBatch<Hinge>(block, batch, Rate, Delta, bias, expected, expectedScores);
                    SparseAdaGradRun.MiniBatch<Hinge>(
                        form, block.Rows, block.Order, batch, Rate, Delta, bias, actual, scores, gradient, new uint[gradient.Length + 1]);
                    Samples.SameBits(expectedScores, scores, $"{form}, {what}, batch {batch}, scores");
                    Samples.SameBits(expected, actual, $"{form}, {what}, batch {batch}, entries");
                    Samples.SameBits(new float[gradient.Length], gradient, $"{form}, {what}, batch {batch}, scratch");
                }
            });
        }
    }

    [Fact]
    public void AdaGradMiniBatch_GradientsCancel_KeyIsStillAppliedOnce()
    {
        // Three hinge rows with one key: −x, +x (sum 0), −x again.
        var rows = new SparseRows([0, 1, 2, 3], [0, 0, 0], [0.5f, 0.5f, 0.5f], [1f, -1f, 1f]);
        var entries = new float[2];
        var touched = new uint[2];
        SparseAdaGradRun.MiniBatch<Hinge>(rows, [0, 1, 2], 3, 1f, Delta, -1, entries, new float[3], new float[1], touched);
        var sum = MathF.FusedMultiplyAdd(-1f / 3f, 0.5f, 0f);
        var expected = new float[2];
        RunTwins.Step(1f, Delta, sum, expected, 0);
        Samples.SameBits(expected, entries, "entries");
    }

    [Fact]
    public void SparseGradient_AnyRows_EqualsTheDescription()
    {
        ForEach((block, bias, what) =>
        {
            var weights = Weights(block, 1);
            var (expected, expectedScores) = (new float[weights.Length], new float[block.Order.Length]);
            var (actual, scores) = (new float[weights.Length], new float[block.Order.Length]);
            RunTwins.Gradient<Logistic>(block, 0, block.Order.Length, bias, weights, 1, expectedScores, expected, []);
            SparseGradient.Accumulate<Logistic>(block.Rows, block.Order, bias, weights, scores, actual);
            Samples.SameBits(expectedScores, scores, $"{what}, scores");
            Samples.SameBits(expected, actual, $"{what}, gradient");
        });
    }

    [Fact]
    public void Runs_BadArguments_Throw()
    {
        var block = new Blocks(1, 4, 10, 5);
        var weights = Weights(block, 2);
        Assert.Throws<ArgumentException>(() => SparseSgdRun.Online<Hinge>(block.Rows, block.Order, 1f, 1f, -1, weights, new float[3]));
        Assert.Throws<ArgumentException>(() => SparseSgdRun.Online<Hinge>(block.Rows, block.Order, 1f, 1f, 9, new float[9], new float[4]));
        Assert.Throws<IndexOutOfRangeException>(() => SparseSgdRun.Online<Hinge>(block.Rows, [4], 1f, 1f, -1, weights, new float[4]));
        Assert.Throws<IndexOutOfRangeException>(() => SparseSgdRun.Online<Hinge>(block.Rows, [-1], 1f, 1f, -1, weights, new float[4]));
        Assert.Throws<ArgumentOutOfRangeException>(() => SparseSgdRun.MiniBatch<Hinge>(block.Rows, block.Order, 0, 1f, 1f, -1, weights, new float[4]));
        Assert.Throws<ArgumentOutOfRangeException>(() => SparseAdaGradRun.Online<Hinge>(block.Rows, block.Order, 1f, 0f, -1, weights, new float[4]));
        Assert.Throws<ArgumentOutOfRangeException>(() => SparseAdaGradRun.Online<Hinge>(block.Rows, block.Order, float.NaN, 1f, -1, weights, new float[4]));
        Assert.Throws<ArgumentException>(() => SparseAdaGradRun.MiniBatch<Hinge>(
            block.Rows, block.Order, 4, 1f, 1f, -1, weights, new float[4], new float[weights.Length / 2], new uint[1]));
        Assert.Throws<ArgumentException>(() => SparseSgdRun.Online<Hinge>(new SparseRows([0, 5], [1], [1f], [1f]), [0], 1f, 1f, -1, weights, new float[4]));
        Assert.Throws<ArgumentException>(() => new SparseRows([0], [1], [1f], [1f]).Count);
        Assert.Throws<ArgumentException>(() => new SparseRows([0, 2], [1], [1f], [1f]).Check(5));
        Assert.Throws<ArgumentOutOfRangeException>(() => new SparseRows([0, 1], [5], [1f], [1f]).Check(5));
    }

    private static void SgdOnlineEqualsTwin<TLoss>(Blocks block, int bias, string what)
        where TLoss : struct, ILossDerivative
    {
        var (expected, expectedScores) = (Weights(block, 1), new float[block.Order.Length]);
        var (actual, scores) = (Weights(block, 1), new float[block.Order.Length]);
        RunTwins.Sgd<TLoss>(block, 1, Rate, BiasRate, bias, expected, expectedScores);
        SparseSgdRun.Online<TLoss>(block.Rows, block.Order, Rate, BiasRate, bias, actual, scores);
        Samples.SameBits(expectedScores, scores, $"{what}, {typeof(TLoss).Name}, scores");
        Samples.SameBits(expected, actual, $"{what}, {typeof(TLoss).Name}, weights");
    }

    private static void AdaGradOnlineEqualsTwin<TLoss>(KernelForm form, Blocks block, int bias, string what)
        where TLoss : struct, ILossDerivative
    {
        var (expected, expectedScores) = (Weights(block, 2), new float[block.Order.Length]);
        var (actual, scores) = (Weights(block, 2), new float[block.Order.Length]);
        RunTwins.AdaGradOnline<TLoss>(block, Rate, Delta, bias, expected, expectedScores);
        SparseAdaGradRun.Online<TLoss>(form, block.Rows, block.Order, Rate, Delta, bias, actual, scores);
        Samples.SameBits(expectedScores, scores, $"{form}, {what}, {typeof(TLoss).Name}, scores");
        Samples.SameBits(expected, actual, $"{form}, {what}, {typeof(TLoss).Name}, entries");
    }

    // Small random weights (with some −0) and sums of squares from 0 up; the bias is the last key.
    private static float[] Weights(Blocks block, int stride)
    {
        var random = new Random(7);
        var values = new float[(block.Features + 1) * stride];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = random.Next(5) == 0 ? 0f : random.NextSingle();
            if (i % stride == 0) values[i] = random.Next(8) == 0 ? -0f : values[i] - 0.5f;
        }

        return values;
    }

    private static void ForEach(Action<Blocks, int, string> check)
    {
        for (var seed = 0; seed < Shapes.Length; seed++)
        {
            var (rows, features, nonZerosMax) = Shapes[seed];
            var block = new Blocks(seed, rows, features, nonZerosMax);
            block.Rows.Check(features);
            foreach (var bias in new[] { -1, features }) check(block, bias, $"seed {seed}, bias {bias}");
        }
    }
}
