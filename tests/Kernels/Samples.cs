namespace DistSgd.Kernels.Tests;

/// <summary>Random inputs from a stated seed, and the bit-for-bit comparison every kernel test ends with.</summary>
internal static class Samples
{
    public const int LengthMax = 256;

    /// <summary>Every form this machine runs; <see cref="FormTests"/> reports those it does not.</summary>
    public static IEnumerable<KernelForm> Forms() => Enum.GetValues<KernelForm>().Where(KernelForms.IsSupported);

    /// <summary>All lengths 0..256, each with a start 0..3 floats after an aligned one.</summary>
    public static IEnumerable<(int Length, int Offset)> Shapes()
    {
        for (var length = 0; length <= LengthMax; length++)
        {
            for (var offset = 0; offset < 4; offset++) yield return (length, offset);
        }
    }

    /// <summary>Numbers of very different magnitudes, so that another order of adding gives other bits; some are ±0.</summary>
    public static float[] Wild(int seed, int length)
    {
        var random = new Random(seed);
        var values = new float[length];
        for (var i = 0; i < length; i++)
        {
            var magnitude = MathF.Pow(10, random.NextSingle() * 6 - 3);
            values[i] = random.Next(16) == 0 ? (random.Next(2) == 0 ? 0f : -0f) : (random.NextSingle() * 2 - 1) * magnitude;
        }

        return values;
    }

    /// <summary>A copy that starts <paramref name="offset"/> floats after a 64-byte boundary.</summary>
    public static Span<float> Place(NativeBuffer<float> memory, int offset, ReadOnlySpan<float> values)
    {
        var span = memory.AsSpan(offset, values.Length);
        values.CopyTo(span);
        return span;
    }

    public static void SameBits(float expected, float actual, string what)
    {
        if (BitConverter.SingleToInt32Bits(expected) == BitConverter.SingleToInt32Bits(actual)) return;
        Assert.Fail($"{what}: expected {expected:R} (0x{BitConverter.SingleToInt32Bits(expected):X8}), got {actual:R} (0x{BitConverter.SingleToInt32Bits(actual):X8})");
    }

    public static void SameBits(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            if (BitConverter.SingleToInt32Bits(expected[i]) != BitConverter.SingleToInt32Bits(actual[i])) SameBits(expected[i], actual[i], $"{what}, element {i}");
        }
    }
}
