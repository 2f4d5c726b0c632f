namespace DistSgd.Kernels.Tests;

/// <summary>Scores and mean gradients of rows at fixed weights, against their documentation.</summary>
public sealed class ScoreTests
{
    private static readonly (int Rows, int Features, int NonZerosMax)[] Shapes = [(300, 300, 256), (40, 20, 20), (1, 3, 3), (0, 5, 5)];

    private static readonly int[] Widths = [1, 2, 3, 7, 8, 9, 15, 16, 17, 24, 26, 31, 32, 33, 40];

    [Fact]
    public void RowScores_AnyRows_AreTheDocumentedTreeAndThenTheBias()
    {
        for (var seed = 0; seed < Shapes.Length; seed++)
        {
            var block = new Blocks(seed, Shapes[seed].Rows, Shapes[seed].Features, Shapes[seed].NonZerosMax);
            var weights = Samples.Wild(seed + 3, block.Features + 1);
            float[] pairs = [.. weights.SelectMany(weight => (float[])[weight, float.NaN])];
            foreach (var bias in new[] { -1, block.Features })
            {
                var expected = Array.ConvertAll(block.Order, row => Score(block, row, weights, bias));
                float[] actual = new float[expected.Length], ofPairs = new float[expected.Length];
                RowScores.Compute(block.Rows, block.Order, bias, weights, actual);
                RowScores.ComputeOfPairs(block.Rows, block.Order, bias, pairs, ofPairs);
                Samples.SameBits(expected, actual, $"seed {seed}, bias {bias}");
                Samples.SameBits(expected, ofPairs, $"seed {seed}, bias {bias}, pairs");
            }
        }
    }

    [Fact]
    public void RowScores_SpansThatDoNotFit_Throw()
    {
        var block = new Blocks(1, 4, 10, 5);
        Assert.Throws<ArgumentException>(() => RowScores.Compute(block.Rows, block.Order, -1, new float[10], new float[3]));
        Assert.Throws<ArgumentException>(() => RowScores.Compute(block.Rows, block.Order, 10, new float[10], new float[4]));
        Assert.Throws<ArgumentException>(() => RowScores.ComputeOfPairs(block.Rows, block.Order, 10, new float[21], new float[4]));
        Assert.Throws<IndexOutOfRangeException>(() => RowScores.Compute(block.Rows, [4], -1, new float[10], new float[4]));
    }

    [Fact]
    public void WideScores_EveryFormLengthAndWidth_AreTheDocumentedTreesAndThenTheBiases()
    {
        foreach (var width in Widths)
        {
            for (var length = 0; length <= Samples.LengthMax; length += width < 10 ? 1 : 5)
            {
                var block = new Blocks(length, 1, length + 1, length);
                var (indices, values, bias) = (block.IndicesOf(0).ToArray(), block.ValuesOf(0).ToArray(), Samples.Wild(width, width));
                var weights = Samples.Wild(length + width, (length + 1) * width);
                float[] expected = [.. Enumerable.Range(0, width).Select(i => Dot(weights, indices, values, width, i) + bias[i])];
                foreach (var form in Samples.Forms())
                {
                    var actual = new float[width];
                    WideScores.Compute(form, weights, indices, values, bias, actual);
                    Samples.SameBits(expected, actual, $"{form}, length {length}, width {width}");
                }
            }
        }
    }

    [Fact]
    public void WideGradient_EveryFormAndWidth_IsTheMeanOfTheRows()
    {
        foreach (var width in Widths)
        {
            var block = new Blocks(width, 23, 30, 11);
            var weights = Samples.Wild(width, 31 * width);
            float[] expected = new float[weights.Length], expectedScores = new float[23 * width];
            var loss = Mean(block, width, weights, expectedScores, expected);
            foreach (var form in Samples.Forms())
            {
                float[] actual = new float[weights.Length], scores = new float[23 * width];
                Assert.Equal(loss, WideGradient.Accumulate(form, block.Rows, block.Order, block.Features, width, weights, scores, actual, default(Halves)));
                Samples.SameBits(expectedScores, scores, $"{form}, width {width}, scores");
                Samples.SameBits(expected, actual, $"{form}, width {width}, gradient");
            }
        }
    }

    private static double Mean(Blocks block, int width, float[] weights, float[] scores, float[] gradient)
    {
        double loss = 0;
        for (var t = 0; t < block.Order.Length; t++)
        {
            var (indices, values) = (block.IndicesOf(block.Order[t]).ToArray(), block.ValuesOf(block.Order[t]).ToArray());
            for (var i = 0; i < width; i++) scores[t * width + i] = Dot(weights, indices, values, width, i) + weights[block.Features * width + i];
            var g = new float[width];
            var changes = default(Halves).Derivative(block.Rows, block.Order[t], scores.AsSpan(t * width, width), g, out var one);
            loss += one;
            for (var i = 0; changes && i < width; i++)
            {
                var c = g[i] / block.Order.Length;
                for (var n = 0; n < values.Length; n++) gradient[indices[n] * width + i] = MathF.FusedMultiplyAdd(c, values[n], gradient[indices[n] * width + i]);
                gradient[block.Features * width + i] += c;
            }
        }

        return loss;
    }

    private static float Score(Blocks block, int row, float[] weights, int bias)
    {
        var score = SparseTwins.Dot(weights, block.IndicesOf(row), block.ValuesOf(row));
        return bias < 0 ? score : score + weights[bias];
    }

    private static float Dot(float[] weights, uint[] indices, float[] values, int width, int output) =>
        SparseTwins.Dot(weights.AsSpan(output), indices, values, width);

    /// <summary>Half of each score, and nothing for every third row.</summary>
    private readonly struct Halves : IOutputLoss
    {
        public bool Derivative(in SparseRows rows, int row, ReadOnlySpan<float> scores, Span<float> derivative, out float loss)
        {
            loss = scores[^1];
            for (var i = 0; i < scores.Length; i++) derivative[i] = scores[i] / 2;
            return row % 3 != 2;
        }
    }
}
