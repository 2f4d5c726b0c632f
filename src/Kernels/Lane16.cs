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
    public static Lane16 First(int count) => new(Vector512.LessThan(Vector512<int>.Indices, Vector512.Create(count)).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe Lane16 LoadPart(float* source, Lane16 mask) => new(Avx512F.MaskLoad(source, mask._value, V.Zero));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public unsafe void StorePart(float* target, Lane16 mask) => Avx512F.MaskStore(target, mask._value, _value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadInterleaved(ref readonly float source, int index, out Lane16 even, out Lane16 odd)
    {
        var low = Vector512.LoadUnsafe(in source, (nuint)(uint)index);
        var high = Vector512.LoadUnsafe(in source, (nuint)(uint)index + 16);
        even = new(Avx512F.PermuteVar16x32x2(low, Vector512.Create(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30), high));
        odd = new(Avx512F.PermuteVar16x32x2(low, Vector512.Create(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31), high));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreInterleaved(Lane16 even, Lane16 odd, ref float target, int index)
    {
        Avx512F.PermuteVar16x32x2(even._value, Vector512.Create(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23), odd._value).StoreUnsafe(ref target, (nuint)(uint)index);
        Avx512F.PermuteVar16x32x2(even._value, Vector512.Create(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31), odd._value).StoreUnsafe(ref target, (nuint)(uint)index + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane16 Fma(Lane16 a, Lane16 b, Lane16 c) => new(Vector512.FusedMultiplyAdd(a._value, b._value, c._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane16 Sqrt(Lane16 a) => new(Vector512.Sqrt(a._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane16 Select(Lane16 mask, Lane16 yes, Lane16 no) => new(Vector512.ConditionalSelect(mask._value, yes._value, no._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane16 SelectLess(Lane16 a, Lane16 b, Lane16 yes, Lane16 no) => new(Avx512F.BlendVariable(no._value, yes._value, Vector512.LessThan(a._value, b._value)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane16 Less(Lane16 a, Lane16 b) => new(Vector512.LessThan(a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AllLess(Lane16 a, Lane16 b) => Vector512.LessThanAll(a._value, b._value);

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
}
