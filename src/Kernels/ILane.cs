namespace DistSgd.Kernels;

/// <summary>
/// A vector of float32 lanes of one width. Elementwise kernels are written once against it and compiled for each width, so
/// the vector forms cannot drift apart. Masks are lanes whose bits are all ones or all zeros. Every operation rounds once,
/// as IEEE 754 says, so a lane's bits do not depend on the width.
/// </summary>
public interface ILane<T>
    where T : struct, ILane<T>
{
    /// <summary>Number of lanes.</summary>
    static abstract int Width { get; }

    /// <summary>a + b.</summary>
    static abstract T operator +(T a, T b);

    /// <summary>a − b.</summary>
    static abstract T operator -(T a, T b);

    /// <summary>a · b.</summary>
    static abstract T operator *(T a, T b);

    /// <summary>a / b.</summary>
    static abstract T operator /(T a, T b);

    /// <summary>All lanes set to <paramref name="value"/>.</summary>
    static abstract T All(float value);

    /// <summary>All lanes set to the given bits.</summary>
    static abstract T AllBits(int bits);

    /// <summary>Reads lanes from <paramref name="source"/>, unaligned.</summary>
    static abstract T Load(ref readonly float source, int index);

    /// <summary>Writes the lanes, unaligned.</summary>
    void Store(ref float target, int index);

    /// <summary>Mask of the first lanes.</summary>
    static abstract T First(int count);

    /// <summary>Reads the lanes of the mask, unaligned, and nothing else of memory; the others are 0.</summary>
    static abstract unsafe T LoadPart(float* source, T mask);

    /// <summary>Writes the lanes of the mask, unaligned, and nothing else of memory.</summary>
    unsafe void StorePart(float* target, T mask);

    /// <summary>Reads twice as many floats: those at even places and those at odd places.</summary>
    static abstract void LoadInterleaved(ref readonly float source, int index, out T even, out T odd);

    /// <summary>Writes what <see cref="LoadInterleaved"/> reads.</summary>
    static abstract void StoreInterleaved(T even, T odd, ref float target, int index);

    /// <summary>a·b + c, rounded once.</summary>
    static abstract T Fma(T a, T b, T c);

    /// <summary>IEEE square root.</summary>
    static abstract T Sqrt(T a);

    /// <summary>Lanes of <paramref name="yes"/> where the mask is set, of <paramref name="no"/> elsewhere.</summary>
    static abstract T Select(T mask, T yes, T no);

    /// <summary>Lanes of <paramref name="yes"/> where a &lt; b, of <paramref name="no"/> elsewhere, also where a or b is NaN: a mask that is used once needs no register.</summary>
    static abstract T SelectLess(T a, T b, T yes, T no);

    /// <summary>Mask of a &lt; b; false where either is NaN.</summary>
    static abstract T Less(T a, T b);

    /// <summary>True if a &lt; b in every lane.</summary>
    static abstract bool AllLess(T a, T b);

    /// <summary>Mask of a = b; false where either is NaN.</summary>
    static abstract T Equal(T a, T b);

    /// <summary>Bitwise and.</summary>
    static abstract T And(T a, T b);

    /// <summary>Bitwise or.</summary>
    static abstract T Or(T a, T b);

    /// <summary>Bits of the lanes added as 32-bit integers, wrapping.</summary>
    static abstract T AddBits(T a, T b);

    /// <summary>Bits of the lanes subtracted as 32-bit integers, wrapping.</summary>
    static abstract T SubtractBits(T a, T b);

    /// <summary>Bits shifted left by a constant.</summary>
    static abstract T ShiftLeft(T a, int count);

    /// <summary>Bits shifted right by a constant, copying the sign.</summary>
    static abstract T ShiftRight(T a, int count);

    /// <summary>Bits taken as 32-bit integers and converted to float32.</summary>
    static abstract T FromInteger(T bits);
}
