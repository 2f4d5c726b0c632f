using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using V = System.Runtime.Intrinsics.Vector512<float>;

namespace DistSgd.Kernels;

/// <summary>16 float32 lanes in one 512-bit register.</summary>
internal readonly struct Lane16(V value) : ILane<Lane16>
{
    private readonly V _value = value;

    public V Value => _value;

    public static int Width => 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane16 operator +(Lane16 a, Lane16 b) => new(a._value + b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane16 operator -(Lane16 a, Lane16 b) => new(a._value - b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane16 operator *(Lane16 a, Lane16 b) => new(a._value * b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane16 operator /(Lane16 a, Lane16 b) => new(a._value / b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane16 All(float value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane16 AllBits(int bits) => new(Vector512.Create(bits).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane16 Load(ref readonly float source, int index) => new(Vector512.LoadUnsafe(in source, (nuint)(uint)index));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(ref float target, int index) => _value.StoreUnsafe(ref target, (nuint)(uint)index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane16 Fma(Lane16 a, Lane16 b, Lane16 c) => new(Vector512.FusedMultiplyAdd(a._value, b._value, c._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane16 Sqrt(Lane16 a) => new(Vector512.Sqrt(a._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane16 Select(Lane16 mask, Lane16 yes, Lane16 no) => new(Vector512.ConditionalSelect(mask._value, yes._value, no._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane16 Less(Lane16 a, Lane16 b) => new(Vector512.LessThan(a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane16 Equal(Lane16 a, Lane16 b) => new(Vector512.Equals(a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane16 And(Lane16 a, Lane16 b) => new(a._value & b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane16 Or(Lane16 a, Lane16 b) => new(a._value | b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane16 AddBits(Lane16 a, Lane16 b) => new((a._value.AsInt32() + b._value.AsInt32()).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane16 SubtractBits(Lane16 a, Lane16 b) => new((a._value.AsInt32() - b._value.AsInt32()).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane16 ShiftLeft(Lane16 a, int count) => new(Vector512.ShiftLeft(a._value.AsInt32(), count).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane16 ShiftRight(Lane16 a, int count) => new(Vector512.ShiftRightArithmetic(a._value.AsInt32(), count).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane16 FromInteger(Lane16 bits) => new(Vector512.ConvertToSingle(bits._value.AsInt32()));

    // The pairs are arranged so that the in-lane shuffles leave them in order: [p0 p1 | p4 p5 | p8 p9 | p12 p13] and the rest.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void LoadPairs(double* entries, uint* keys, out Lane16 first, out Lane16 second)
    {
        var low = Vector512.Create(
            Vector256.Create(Lane8.Pair(entries, keys), Lane8.Pair(entries, keys + 4)),
            Vector256.Create(Lane8.Pair(entries, keys + 8), Lane8.Pair(entries, keys + 12))).AsSingle();
        var high = Vector512.Create(
            Vector256.Create(Lane8.Pair(entries, keys + 2), Lane8.Pair(entries, keys + 6)),
            Vector256.Create(Lane8.Pair(entries, keys + 10), Lane8.Pair(entries, keys + 14))).AsSingle();
        first = new(Avx512F.Shuffle(low, high, 0b10_00_10_00));
        second = new(Avx512F.Shuffle(low, high, 0b11_01_11_01));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void StorePairs(double* entries, uint* keys, Lane16 first, Lane16 second)
    {
        var low = Avx512F.UnpackLow(first._value, second._value).AsDouble();
        var high = Avx512F.UnpackHigh(first._value, second._value).AsDouble();
        Lane8.StorePair(entries, keys, low.GetLower().GetLower());
        Lane8.StorePair(entries, keys + 2, high.GetLower().GetLower());
        Lane8.StorePair(entries, keys + 4, low.GetLower().GetUpper());
        Lane8.StorePair(entries, keys + 6, high.GetLower().GetUpper());
        Lane8.StorePair(entries, keys + 8, low.GetUpper().GetLower());
        Lane8.StorePair(entries, keys + 10, high.GetUpper().GetLower());
        Lane8.StorePair(entries, keys + 12, low.GetUpper().GetUpper());
        Lane8.StorePair(entries, keys + 14, high.GetUpper().GetUpper());
    }
}
