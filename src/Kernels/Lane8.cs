using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using V = System.Runtime.Intrinsics.Vector256<float>;

namespace DistSgd.Kernels;

/// <summary>8 float32 lanes in one 256-bit register.</summary>
internal readonly struct Lane8(V value) : ILane<Lane8>
{
    private readonly V _value = value;

    public V Value => _value;

    public static int Width => 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane8 operator +(Lane8 a, Lane8 b) => new(a._value + b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane8 operator -(Lane8 a, Lane8 b) => new(a._value - b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane8 operator *(Lane8 a, Lane8 b) => new(a._value * b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane8 operator /(Lane8 a, Lane8 b) => new(a._value / b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane8 All(float value) => new(Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane8 AllBits(int bits) => new(Vector256.Create(bits).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane8 Load(ref readonly float source, int index) => new(Vector256.LoadUnsafe(in source, (nuint)(uint)index));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(ref float target, int index) => _value.StoreUnsafe(ref target, (nuint)(uint)index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane8 First(int count) => new(Vector256.LessThan(Vector256<int>.Indices, Vector256.Create(count)).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe Lane8 LoadPart(float* source, Lane8 mask) => new(Avx.MaskLoad(source, mask._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public unsafe void StorePart(float* target, Lane8 mask) => Avx.MaskStore(target, mask._value, _value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadInterleaved(ref readonly float source, int index, out Lane8 even, out Lane8 odd)
    {
        var low = Vector256.LoadUnsafe(in source, (nuint)(uint)index);
        var high = Vector256.LoadUnsafe(in source, (nuint)(uint)index + 8);
        even = new(Ordered(Avx.Shuffle(low, high, 0x88)));
        odd = new(Ordered(Avx.Shuffle(low, high, 0xDD)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreInterleaved(Lane8 even, Lane8 odd, ref float target, int index)
    {
        var low = Avx.UnpackLow(even._value, odd._value);
        var high = Avx.UnpackHigh(even._value, odd._value);
        Avx.Permute2x128(low, high, 0x20).StoreUnsafe(ref target, (nuint)(uint)index);
        Avx.Permute2x128(low, high, 0x31).StoreUnsafe(ref target, (nuint)(uint)index + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane8 Fma(Lane8 a, Lane8 b, Lane8 c) => new(Vector256.FusedMultiplyAdd(a._value, b._value, c._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane8 Sqrt(Lane8 a) => new(Vector256.Sqrt(a._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane8 Select(Lane8 mask, Lane8 yes, Lane8 no) => new(Vector256.ConditionalSelect(mask._value, yes._value, no._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane8 SelectLess(Lane8 a, Lane8 b, Lane8 yes, Lane8 no) => Select(Less(a, b), yes, no);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane8 Less(Lane8 a, Lane8 b) => new(Vector256.LessThan(a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AllLess(Lane8 a, Lane8 b) => Vector256.LessThanAll(a._value, b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane8 Equal(Lane8 a, Lane8 b) => new(Vector256.Equals(a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane8 And(Lane8 a, Lane8 b) => new(a._value & b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane8 Or(Lane8 a, Lane8 b) => new(a._value | b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane8 AddBits(Lane8 a, Lane8 b) => new((a._value.AsInt32() + b._value.AsInt32()).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane8 SubtractBits(Lane8 a, Lane8 b) => new((a._value.AsInt32() - b._value.AsInt32()).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane8 ShiftLeft(Lane8 a, int count) => new(Vector256.ShiftLeft(a._value.AsInt32(), count).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane8 ShiftRight(Lane8 a, int count) => new(Vector256.ShiftRightArithmetic(a._value.AsInt32(), count).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane8 FromInteger(Lane8 bits) => new(Vector256.ConvertToSingle(bits._value.AsInt32()));

    // Gathers 8-byte entries of two floats each and separates first from second floats, in the order of the keys. The pairs are
    // arranged so that the in-lane shuffles leave them in order: [p0 p1 | p4 p5] and [p2 p3 | p6 p7].
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void LoadPairs(double* entries, uint* keys, out Lane8 first, out Lane8 second)
    {
        var low = Vector256.Create(Pair(entries, keys), Pair(entries, keys + 4)).AsSingle();
        var high = Vector256.Create(Pair(entries, keys + 2), Pair(entries, keys + 6)).AsSingle();
        first = new(Avx.Shuffle(low, high, 0b10_00_10_00));
        second = new(Avx.Shuffle(low, high, 0b11_01_11_01));
    }

    // Joins first and second floats to entries and scatters them, in the order of the keys.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void StorePairs(double* entries, uint* keys, Lane8 first, Lane8 second)
    {
        var low = Avx.UnpackLow(first._value, second._value).AsDouble();
        var high = Avx.UnpackHigh(first._value, second._value).AsDouble();
        StorePair(entries, keys, low.GetLower());
        StorePair(entries, keys + 2, high.GetLower());
        StorePair(entries, keys + 4, low.GetUpper());
        StorePair(entries, keys + 6, high.GetUpper());
    }

    /// <summary>True if every lane's sign bit is set, as in a mask that holds everywhere.</summary>
    public bool AllSet
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _value.ExtractMostSignificantBits() == 0xFF;
    }

    // Separates first from second floats of 8 pairs that lie side by side, in their order.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void LoadNeighbours(float* pairs, out Lane8 first, out Lane8 second)
    {
        var low = Vector256.Load(pairs);
        var high = Vector256.Load(pairs + 8);
        first = new(InOrder(Avx.Shuffle(low, high, 0b10_00_10_00)));
        second = new(InOrder(Avx.Shuffle(low, high, 0b11_01_11_01)));
    }

    // Joins first and second floats to 8 pairs side by side.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void StoreNeighbours(float* pairs, Lane8 first, Lane8 second)
    {
        var even = Avx.UnpackLow(first._value, second._value);
        var odd = Avx.UnpackHigh(first._value, second._value);
        Avx.Permute2x128(even, odd, 0x20).Store(pairs);
        Avx.Permute2x128(even, odd, 0x31).Store(pairs + 8);
    }

    // 0 1 4 5 | 2 3 6 7 becomes 0 1 2 3 | 4 5 6 7.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V InOrder(V value) => Avx2.Permute4x64(value.AsDouble(), 0b11_01_10_00).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe Vector128<double> Pair(double* entries, uint* keys) =>
        Sse2.LoadHigh(Vector128.CreateScalarUnsafe(entries[keys[0]]), entries + keys[1]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe void StorePair(double* entries, uint* keys, Vector128<double> pair)
    {
        Sse2.StoreLow(entries + keys[0], pair);
        Sse2.StoreHigh(entries + keys[1], pair);
    }

    // Shuffles work on halves of 128 bits: the middle quarters have changed places.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Ordered(V shuffled) => Avx2.Permute4x64(shuffled.AsDouble(), 0xD8).AsSingle();
}
