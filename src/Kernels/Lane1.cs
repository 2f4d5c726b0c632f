using System.Runtime.CompilerServices;

namespace DistSgd.Kernels;

/// <summary>One float32 lane: what is left over at the end of a vector loop, and the portable form, run through the same formula.</summary>
internal readonly struct Lane1(float value) : ILane<Lane1>
{
    private readonly float _value = value;

    public float Value => _value;

    public static int Width => 1;

    private int Bits => BitConverter.SingleToInt32Bits(_value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane1 operator +(Lane1 a, Lane1 b) => new(a._value + b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane1 operator -(Lane1 a, Lane1 b) => new(a._value - b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane1 operator *(Lane1 a, Lane1 b) => new(a._value * b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane1 operator /(Lane1 a, Lane1 b) => new(a._value / b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane1 All(float value) => new(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane1 AllBits(int bits) => new(BitConverter.Int32BitsToSingle(bits));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane1 Load(ref readonly float source, int index) => new(Unsafe.Add(ref Unsafe.AsRef(in source), index));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(ref float target, int index) => Unsafe.Add(ref target, index) = _value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane1 First(int count) => Mask(count > 0);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe Lane1 LoadPart(float* source, Lane1 mask) => mask.Bits != 0 ? new(*source) : default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public unsafe void StorePart(float* target, Lane1 mask)
    {
        if (mask.Bits != 0) *target = _value;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadInterleaved(ref readonly float source, int index, out Lane1 even, out Lane1 odd)
    {
        even = Load(in source, index);
        odd = Load(in source, index + 1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreInterleaved(Lane1 even, Lane1 odd, ref float target, int index)
    {
        even.Store(ref target, index);
        odd.Store(ref target, index + 1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane1 Fma(Lane1 a, Lane1 b, Lane1 c) => new(MathF.FusedMultiplyAdd(a._value, b._value, c._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane1 Sqrt(Lane1 a) => new(MathF.Sqrt(a._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane1 Select(Lane1 mask, Lane1 yes, Lane1 no) => mask.Bits != 0 ? yes : no;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane1 SelectLess(Lane1 a, Lane1 b, Lane1 yes, Lane1 no) => a._value < b._value ? yes : no;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane1 Less(Lane1 a, Lane1 b) => Mask(a._value < b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AllLess(Lane1 a, Lane1 b) => a._value < b._value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane1 Equal(Lane1 a, Lane1 b) => Mask(a._value == b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane1 And(Lane1 a, Lane1 b) => AllBits(a.Bits & b.Bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane1 Or(Lane1 a, Lane1 b) => AllBits(a.Bits | b.Bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane1 AddBits(Lane1 a, Lane1 b) => AllBits(unchecked(a.Bits + b.Bits));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane1 SubtractBits(Lane1 a, Lane1 b) => AllBits(unchecked(a.Bits - b.Bits));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane1 ShiftLeft(Lane1 a, int count) => AllBits(a.Bits << count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane1 ShiftRight(Lane1 a, int count) => AllBits(a.Bits >> count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lane1 FromInteger(Lane1 bits) => new(bits.Bits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Lane1 Mask(bool holds) => AllBits(holds ? -1 : 0);
}
