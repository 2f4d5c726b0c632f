namespace DistSgd.Kernels.Tests;

public sealed class DenseTests : IDisposable
{
    private readonly NativeBuffer<float> _first = new(512);
    private readonly NativeBuffer<float> _second = new(512);
    private readonly NativeBuffer<float> _third = new(512);

    [Fact]
    public void DenseDot_EveryFormAndLength_EqualsTheDocumentedTree() => ForEach((form, x, y, a, b, what) =>
        Samples.SameBits(DenseTwins.Dot(x, y), DenseDot.Compute(form, a, b), what));

    [Fact]
    public void SumOfSquares_EveryLength_EqualsTheDocumentedTree() => ForEach((form, x, y, a, b, what) =>
        Samples.SameBits(DenseTwins.Dot(x, x), SumOfSquares.Compute(a), what));

    [Fact]
    public void SumOfMagnitudes_EveryFormAndLength_EqualsTheDocumentedTree() => ForEach((form, x, y, a, b, what) =>
        Samples.SameBits(DenseTwins.SumOfMagnitudes(x), SumOfMagnitudes.Compute(form, a), what));

    [Fact]
    public void MaxMagnitude_EveryFormAndLength_EqualsTheLoop() => ForEach((form, x, y, a, b, what) =>
        Samples.SameBits(x.Select(MathF.Abs).DefaultIfEmpty(0f).Max(), MaxMagnitude.Compute(form, a), what));

    [Fact]
    public void Axpy_EveryFormAndLength_EqualsTheLoop() => ForEach((form, x, y, a, b, what) =>
    {
        Axpy.Apply(form, 0.37f, a, b);
        Samples.SameBits(x.Zip(y, (l, r) => MathF.FusedMultiplyAdd(0.37f, l, r)).ToArray(), b, what);
    });

    [Fact]
    public void Scale_EveryFormAndLength_EqualsTheLoop() => ForEach((form, x, y, a, b, what) =>
    {
        Scale.Apply(form, -1.7f, b);
        Samples.SameBits(y.Select(v => -1.7f * v).ToArray(), b, what);
    });

    [Fact]
    public void Add_EveryFormAndLength_EqualsTheLoop() => ForEach((form, x, y, a, b, what) =>
    {
        Add.Apply(form, a, b);
        Samples.SameBits(x.Zip(y, (l, r) => r + l).ToArray(), b, what);
    });

    [Fact]
    public void Subtract_EveryFormAndLength_EqualsTheLoop() => ForEach((form, x, y, a, b, what) =>
    {
        var c = Samples.Place(_third, x.Length % 3, new float[x.Length]);
        Subtract.Apply(form, a, b, c);
        Samples.SameBits(x.Zip(y, (l, r) => l - r).ToArray(), c, what);
    });

    [Fact]
    public void AllFinite_OneBadElementAnywhere_IsFound()
    {
        foreach (var form in Samples.Forms())
        {
            foreach (var bad in new[] { float.NaN, float.PositiveInfinity, float.NegativeInfinity })
            {
                for (var at = 0; at < 100; at++)
                {
                    var x = Samples.Wild(at, 100);
                    Assert.True(AllFinite.Check(form, x));
                    x[at] = bad;
                    Assert.False(AllFinite.Check(form, x), $"{form}, {bad} at {at}");
                }
            }
        }
    }

    [Fact]
    public void MaxMagnitude_WithNaN_IsNaN() => Assert.True(float.IsNaN(MaxMagnitude.Compute([1f, float.NaN, float.PositiveInfinity])));

    [Fact]
    public void PairedKernels_LengthsDiffer_Throw()
    {
        Assert.Throws<ArgumentException>(() => DenseDot.Compute(new float[3], new float[4]));
        Assert.Throws<ArgumentException>(() => Axpy.Apply(1, new float[3], new float[4]));
        Assert.Throws<ArgumentException>(() => Add.Apply(new float[3], new float[4]));
        Assert.Throws<ArgumentException>(() => Subtract.Apply(new float[3], new float[3], new float[4]));
        Assert.Throws<ArgumentException>(() => VectorExp.Apply(new float[3], new float[4]));
    }

    public void Dispose()
    {
        _first.Dispose();
        _second.Dispose();
        _third.Dispose();
    }

    private delegate void Check(KernelForm form, float[] x, float[] y, Span<float> placedX, Span<float> placedY, string what);

    private void ForEach(Check check)
    {
        foreach (var form in Samples.Forms())
        {
            foreach (var (length, offset) in Samples.Shapes())
            {
                var x = Samples.Wild(length, length);
                var y = Samples.Wild(length + 1000, length);
                check(form, x, y, Samples.Place(_first, offset, x), Samples.Place(_second, 3 - offset, y), $"{form}, length {length}, offset {offset}");
            }
        }
    }
}
