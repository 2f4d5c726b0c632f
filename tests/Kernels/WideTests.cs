namespace DistSgd.Kernels.Tests;

/// <summary>Runs with k scores a row against their documentation, and against the runs with one.</summary>
public sealed class WideTests
{
    private static readonly int[] Widths = [1, 2, 3, 7, 8, 9, 10, 15, 16, 17, 24, 26, 32, 33, 40];

    private static readonly KernelForm[] Forms = [.. Enum.GetValues<KernelForm>().Where(KernelForms.IsSupported)];

    [Fact]
    public void Sgd_EveryFormAndWidth_EqualsItsDocumentationBitForBit() => ForEach((block, width, batch) =>
    {
        var (expected, expectedScores) = (Start(block, width, 1), new float[block.Order.Length * width]);
        Twin(block, width, batch, 0.3f, expected, expectedScores, stride: 1);
        foreach (var form in Forms)
        {
            var (actual, scores) = (Start(block, width, 1), new float[block.Order.Length * width]);
            WideSgdRun.Run(form, block.Rows, block.Order, batch, 0.3f, block.Features, width, actual, scores, default(Pull));
            Samples.SameBits(expectedScores, scores, $"{form}, width {width}, batch {batch}, scores");
            Samples.SameBits(expected, actual, $"{form}, width {width}, batch {batch}, weights");
        }
    });

    [Fact]
    public void AdaGrad_EveryFormAndWidth_EqualsItsDocumentationBitForBit() => ForEach((block, width, batch) =>
    {
        var (expected, expectedScores) = (Start(block, width, 2), new float[block.Order.Length * width]);
        Twin(block, width, batch, 0.3f, expected, expectedScores, stride: 2);
        foreach (var form in Forms)
        {
            var (actual, scores) = (Start(block, width, 2), new float[block.Order.Length * width]);
            var keys = block.Features + 1;
            var (gradient, touched, isTouched) = (new float[keys * width], new uint[keys], new bool[keys]);
            if (batch == 1) WideAdaGradRun.Online(form, block.Rows, block.Order, 0.3f, 0.01f, block.Features, width, actual, scores, default(Pull));
            else WideAdaGradRun.MiniBatch(form, block.Rows, block.Order, batch, 0.3f, 0.01f, block.Features, width, actual, scores, gradient, touched, isTouched, default(Pull));
            Samples.SameBits(expectedScores, scores, $"{form}, width {width}, batch {batch}, scores");
            Samples.SameBits(expected, actual, $"{form}, width {width}, batch {batch}, entries");
            Assert.All(gradient, sum => Assert.Equal(0f, sum));
            Assert.DoesNotContain(true, isTouched);
        }
    });

    [Fact]
    public void Width1_WithALossOfOneScore_EqualsTheNarrowRunsBitForBit()
    {
        var block = new Blocks(3, 40, 50, 9);
        var (narrow, wide, scores) = (Start(block, 1, 1), Start(block, 1, 1), new float[block.Order.Length]);
        SparseSgdRun.Online<Hinge>(block.Rows, block.Order, 0.2f, 0.2f, block.Features, narrow, new float[block.Order.Length]);
        WideSgdRun.Run(block.Rows, block.Order, 1, 0.2f, block.Features, 1, wide, scores, default(WideHinge));
        Samples.SameBits(narrow, wide, "SGD");
    }

    [Fact]
    public void Softmax_AnyScores_SumsToOneAndNeverOverflows()
    {
        foreach (var k in (int[])[1, 2, 10, 26, 100])
        {
            var random = new Random(k);
            float[] scores = [.. Enumerable.Range(0, k).Select(_ => (float)(random.NextDouble() * 20 - 10))];
            var p = new float[k];
            double expected = Math.Log(scores.Sum(score => Math.Exp(score)));
            Assert.Equal(expected, Softmax.Apply(scores, p), 1e-5);
            Assert.Equal(1, p.Sum(), 1e-5);
            for (var i = 0; i < k; i++) Assert.Equal(Math.Exp(scores[i] - expected), p[i], 1e-6);
        }

        float[] extreme = [1e30f, -1e30f, 1e30f];
        Assert.Equal(1e30f, Softmax.Apply(extreme, extreme));
        Assert.Equal((float[])[0.5f, 0f, 0.5f], extreme);
    }

    private static void ForEach(Action<Blocks, int, int> check)
    {
        foreach (var width in Widths)
        {
            foreach (var batch in (int[])[1, 5]) check(new Blocks(width, 23, 30, 11), width, batch);
        }
    }

    private static float[] Start(Blocks block, int width, int stride)
    {
        var random = new Random(7);
        var values = new float[(block.Features + 1) * width * stride];
        for (var i = 0; i < values.Length; i++) values[i] = stride == 2 && i % 2 == 1 ? random.NextSingle() : random.NextSingle() - 0.5f;
        return values;
    }

    private static void Twin(Blocks block, int width, int batch, float rate, float[] entries, float[] scores, int stride)
    {
        var bias = block.Features;
        for (var start = 0; start < block.Order.Length; start += batch)
        {
            var m = Math.Min(batch, block.Order.Length - start);
            for (var t = start; t < start + m; t++)
            {
                var (indices, values) = (block.IndicesOf(block.Order[t]).ToArray(), block.ValuesOf(block.Order[t]).ToArray());
                for (var i = 0; i < width; i++)
                {
                    var partial = new float[4];
                    for (var n = 0; n < values.Length; n++)
                        partial[n % 4] = MathF.FusedMultiplyAdd(entries[(indices[n] * width + i) * stride], values[n], partial[n % 4]);
                    scores[t * width + i] = partial[0] + partial[1] + (partial[2] + partial[3]) + entries[(bias * width + i) * stride];
                }
            }

            var sums = new Dictionary<int, float>();
            for (var t = start; t < start + m; t++)
            {
                var g = new float[width];
                var row = block.Order[t];
                if (!default(Pull).Derivative(block.Rows, row, scores.AsSpan(t * width, width), g, out _)) continue;
                var (indices, values) = (block.IndicesOf(row).ToArray(), block.ValuesOf(row).ToArray());
                for (var i = 0; i < width; i++)
                {
                    if (stride == 1)
                    {
                        var a = -(rate / m) * g[i];
                        for (var n = 0; n < values.Length; n++) entries[indices[n] * width + i] = MathF.FusedMultiplyAdd(a, values[n], entries[indices[n] * width + i]);
                        entries[bias * width + i] += a;
                        continue;
                    }

                    var c = g[i] / m;
                    for (var n = 0; n < values.Length; n++) sums[(int)indices[n] * width + i] = MathF.FusedMultiplyAdd(c, values[n], sums.GetValueOrDefault((int)indices[n] * width + i));
                    sums[bias * width + i] = sums.GetValueOrDefault(bias * width + i) + c;
                }
            }

            foreach (var (at, h) in sums)
            {
                if (h == 0) continue;
                entries[2 * at + 1] = MathF.FusedMultiplyAdd(h, h, entries[2 * at + 1]);
                entries[2 * at] -= rate * h / (0.01f + MathF.Sqrt(entries[2 * at + 1]));
            }
        }
    }

    /// <summary>Pulls every third score towards the row's label, and changes nothing for some rows.</summary>
    private readonly struct Pull : IOutputLoss
    {
        public bool Derivative(in SparseRows rows, int row, ReadOnlySpan<float> scores, Span<float> derivative, out float loss)
        {
            loss = scores[0];
            for (var i = 0; i < scores.Length; i++) derivative[i] = i % 3 == row % 3 ? scores[i] - rows.Labels[row] : 0f;
            return row % 5 != 4;
        }
    }

    private readonly struct WideHinge : IOutputLoss
    {
        public bool Derivative(in SparseRows rows, int row, ReadOnlySpan<float> scores, Span<float> derivative, out float loss)
        {
            loss = 0;
            derivative[0] = default(Hinge).Derivative(scores[0], rows.Labels[row]);
            return derivative[0] != 0f;
        }
    }
}
