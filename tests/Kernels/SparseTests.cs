namespace DistSgd.Kernels.Tests;

public sealed class SparseTests
{
    [Fact]
    public void SparseDot_EveryLengthAndStart_EqualsTheDocumentedTree()
    {
        foreach (var (length, offset) in Samples.Shapes())
        {
            var (weights, indices, values) = Row(length, offset);
            var at = weights.AsSpan(3 - offset);
            Samples.SameBits(SparseTwins.Dot(at, indices.AsSpan(offset), values.AsSpan(offset)), SparseDot.Compute(at, indices.AsSpan(offset), values.AsSpan(offset)), $"length {length}, start {offset}");
        }
    }

    [Fact]
    public void SparseAxpy_EveryLengthAndStart_EqualsTheLoop()
    {
        foreach (var (length, offset) in Samples.Shapes())
        {
            var (weights, indices, values) = Row(length, offset);
            var expected = (float[])weights.Clone();
            SparseTwins.Axpy(-0.3f, indices.AsSpan(offset), values.AsSpan(offset), expected.AsSpan(3 - offset));
            SparseAxpy.Apply(-0.3f, indices.AsSpan(offset), values.AsSpan(offset), weights.AsSpan(3 - offset));
            Samples.SameBits(expected, weights, $"length {length}, start {offset}");
        }
    }

    [Fact]
    public void IndexBoundMax_EveryFormAndLength_EqualsTheLoop()
    {
        foreach (var form in Samples.Forms())
        {
            for (var length = 0; length <= Samples.LengthMax; length++)
            {
                var random = new Random(length);
                var indices = Enumerable.Range(0, length).Select(_ => (uint)random.NextInt64(uint.MaxValue)).ToArray();
                Assert.Equal(indices.DefaultIfEmpty(0u).Max(), IndexBound.Max(form, indices));
            }
        }
    }

    [Fact]
    public void IndexBoundCheck_IndexAtTheLimit_IsNamed()
    {
        IndexBound.Check([0, 4], 5);
        IndexBound.Check([], 0);
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => IndexBound.Check([0, 1, 5, 9], 5));
        Assert.Contains("Index 5 at position 2", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void SparseRow_IndicesAndValuesDiffer_Throws()
    {
        Assert.Throws<ArgumentException>(() => SparseDot.Compute(new float[5], [1, 2], [1f]));
        Assert.Throws<ArgumentException>(() => SparseAxpy.Apply(1, [1, 2], [1f], new float[5]));
    }

    [Fact]
    public void SpreadRow_RunsAndGaps_EqualTheLoop()
    {
        for (var length = 0; length <= Samples.LengthMax; length++)
        {
            foreach (var share in new[] { 1.0, 0.95, 0.5, 0.05 })
            {
                var random = new Random(length);
                uint[] indices = [.. Enumerable.Range(0, length).Where(_ => random.NextDouble() <= share).Select(i => (uint)i)];
                var (values, dense, expected) = (Samples.Wild(length, indices.Length), Samples.Wild(length + 1, length), new float[length]);
                for (var i = 0; i < indices.Length; i++) expected[indices[i]] = values[i];
                SpreadRow.Apply(indices, values, dense);
                Samples.SameBits(expected, dense, $"length {length}, share {share}");
            }
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => SpreadRow.Apply([1, 5], [1f, 2f], new float[5]));
        Assert.Throws<ArgumentException>(() => SpreadRow.Apply([1, 3], [1f], new float[5]));
    }

    // A row and so many numbers before it.
    private static (float[] Weights, uint[] Indices, float[] Values) Row(int length, int before)
    {
        var random = new Random(length);
        var indices = Enumerable.Range(0, 2 * length + 3).OrderBy(_ => random.Next()).Take(length).Order().Select(i => (uint)i);
        return (Samples.Wild(length, 2 * length + 6), [.. Enumerable.Repeat(uint.MaxValue, before), .. indices], Samples.Wild(length + 1, before + length));
    }
}
