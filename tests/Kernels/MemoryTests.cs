using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DistSgd.Kernels.Tests;

public sealed class MemoryTests
{
    [Fact]
    public unsafe void NativeBuffer_New_IsZeroAndAligned()
    {
        for (var length = 1; length < 200; length++)
        {
            using var buffer = new NativeBuffer<float>(length);
            var span = buffer.AsSpan(0, length);
            Assert.Equal(length, buffer.Length);
            Assert.Equal(0u, (nuint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(span)) % 64);
            Assert.False(span.ContainsAnyExcept(0f));
            span.Fill(float.NaN);
        }
    }

    [Theory]
    [InlineData(1 << 18)]
    [InlineData(3 << 20)]
    public unsafe void NativeBuffer_LargeAndMadeAgain_IsZeroAndBeginsWithAHugePage(int length)
    {
        for (var round = 0; round < 3; round++)
        {
            using var buffer = new NativeBuffer<float>(length);
            var span = buffer.AsSpan(0, length);
            Assert.Equal(0u, (nuint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(span)) % (length * sizeof(float) >= HugePages.BytesMin ? HugePages.PageBytes : 64));
            Assert.False(span.ContainsAnyExcept(0f));
            span.Fill(float.NaN);
        }
    }

    [Fact]
    public void NativeBuffer_RangeOutside_Throws()
    {
        using var buffer = new NativeBuffer<double>(10);
        Assert.Equal(0, buffer.AsSpan(10, 0).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => buffer.AsSpan(-1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => buffer.AsSpan(0, 11));
        Assert.Throws<ArgumentOutOfRangeException>(() => buffer.AsSpan(0, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => buffer.AsSpan(long.MaxValue, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => buffer.AsMemory(5, 6));
        Assert.Throws<ArgumentOutOfRangeException>(() => new NativeBuffer<double>(-1));
    }

    [Fact]
    public void NativeBuffer_Disposed_RefusesSpans()
    {
        var buffer = new NativeBuffer<float>(10);
        var memory = buffer.AsMemory(0, 10);
        buffer.Dispose();
        buffer.Dispose();
        Assert.Throws<ObjectDisposedException>(() => buffer.AsSpan(0, 1));
        Assert.Throws<ObjectDisposedException>(() => memory.Span[0]);
    }

    [Fact]
    public void NativeBuffer_AsMemory_IsTheSameMemory()
    {
        using var buffer = new NativeBuffer<float>(10);
        var memory = buffer.AsMemory(2, 5);
        memory.Slice(1, 2).Span[0] = 7f;
        Assert.Equal(7f, buffer.AsSpan(3, 1)[0]);
        using var pin = memory.Pin();
    }

    [Fact]
    public void NativeBuffer_LargeAndUntouched_CostsNoPages()
    {
        var before = Environment.WorkingSet;
        using var buffer = new NativeBuffer<float>(1L << 28);
        buffer.AsSpan(1L << 27, 1)[0] = 1f;
        Assert.InRange(Environment.WorkingSet - before, long.MinValue, 200L << 20);
    }
}
