using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace DistSgd.Kernels.Text;

/// <summary>
/// Finds the characters that give LIBSVM text its structure: space, tab, carriage return, line feed and colon. A mark is such a character's position, with <see cref="ColonBit"/> set
/// if it is a colon, <see cref="FeedBit"/> if it is a colon or a line feed, and neither if it is a blank.
/// </summary>
public static class TextStructure
{
    /// <summary>The bits of a mark that are its position.</summary>
    public const int PositionBits = (1 << 27) - 1;

    /// <summary>Set in the mark of a colon; it is the sign bit, so that a mark below zero is a colon's.</summary>
    public const int ColonBit = 1 << 31;

    /// <summary>Set in the mark of a line feed, and in that of a colon.</summary>
    public const int FeedBit = 1 << 28;

    /// <summary>Marks past the last one that <see cref="Find"/> may overwrite with rubbish.</summary>
    public const int SlackMarks = 64;

    // The colon, 0x3A, is the only one with bit 4; it and the line feed, 0x0A, are the only ones with bit 1. Shifted, they are ColonBit and FeedBit.
    private const int KindShift = 27;

    private const int BlockBytes = 64;

    /// <summary>Writes the marks of all structural characters of <c>text[start..end)</c>, ascending, counted from the start of <paramref name="text"/>.</summary>
    /// <param name="text">The text; its length must be at least <paramref name="end"/> + 64, since whole blocks are read (their surplus is ignored).</param>
    /// <param name="start">First position looked at.</param>
    /// <param name="end">First position not looked at.</param>
    /// <param name="marks">Receives the marks; at least <c>end − start + <see cref="SlackMarks"/></c> long.</param>
    /// <returns>How many marks were written.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A span is too short for the range.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int Find(ReadOnlySpan<byte> text, int start, int end, Span<int> marks)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfLessThan(end, start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(end, PositionBits);
        ArgumentOutOfRangeException.ThrowIfLessThan((long)text.Length, (long)end + BlockBytes, nameof(text));
        ArgumentOutOfRangeException.ThrowIfLessThan(marks.Length, end - start + SlackMarks, nameof(marks));

        ref byte source = ref MemoryMarshal.GetReference(text);
        ref int target = ref MemoryMarshal.GetReference(marks);
        return Avx512Vbmi2.IsSupported
            ? FindAvx512(ref source, start, end, ref target)
            : FindPortable(ref source, start, end, ref target);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static int FindAvx512(ref byte source, int start, int end, ref int target)
    {
        var blanks = Vector512.Create(Blanks());
        var colon = Vector512.Create((byte)':');
        var lane = Vector512<byte>.Indices;
        int count = 0;
        for (int at = start; at < end; at += BlockBytes)
        {
            var block = Vector512.LoadUnsafe(ref source, (nuint)at);
            var hit = Vector512.Equals(Avx512BW.Shuffle(blanks, block), block) | Vector512.Equals(block, colon);
            ulong mask = hit.ExtractMostSignificantBits();
            if (end - at < BlockBytes) mask &= (1UL << (end - at)) - 1;
            int hits = BitOperations.PopCount(mask);
            var packed = Avx512Vbmi2.Compress(Vector512<byte>.Zero, hit, lane);
            var kinds = Avx512Vbmi2.Compress(Vector512<byte>.Zero, hit, block);
            ref int here = ref Unsafe.Add(ref target, count);
            Marks(packed.GetLower().GetLower(), kinds.GetLower().GetLower(), at).StoreUnsafe(ref here);
            if (hits > 16)
            {
                Marks(packed.GetLower().GetUpper(), kinds.GetLower().GetUpper(), at).StoreUnsafe(ref here, 16);
                Marks(packed.GetUpper().GetLower(), kinds.GetUpper().GetLower(), at).StoreUnsafe(ref here, 32);
                Marks(packed.GetUpper().GetUpper(), kinds.GetUpper().GetUpper(), at).StoreUnsafe(ref here, 48);
            }
            count += hits;
        }
        return count;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static int FindPortable(ref byte source, int start, int end, ref int target)
    {
        int count = 0;
        for (int at = start; at < end; at += BlockBytes)
        {
            ulong mask = Mask32(ref source, at) | ((ulong)Mask32(ref source, at + 32) << 32);
            if (end - at < BlockBytes) mask &= (1UL << (end - at)) - 1;
            for (; mask != 0; mask &= mask - 1)
            {
                int found = at + BitOperations.TrailingZeroCount(mask);
                Unsafe.Add(ref target, count++) = found | ((Unsafe.Add(ref source, found) << KindShift) & (ColonBit | FeedBit));
            }
        }
        return count;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Marks(Vector128<byte> lanes, Vector128<byte> kinds, int origin) =>
        (Avx512F.ConvertToVector512Int32(lanes) + Vector512.Create(origin))
        | ((Avx512F.ConvertToVector512Int32(kinds) << KindShift) & Vector512.Create(ColonBit | FeedBit));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Mask32(ref byte source, int at)
    {
        var block = Vector256.LoadUnsafe(ref source, (nuint)at);
        var hit = Vector256.Equals(block, Vector256.Create((byte)' ')) | Vector256.Equals(block, Vector256.Create((byte)'\t'))
            | Vector256.Equals(block, Vector256.Create((byte)'\n')) | Vector256.Equals(block, Vector256.Create((byte)'\r'))
            | Vector256.Equals(block, Vector256.Create((byte)':'));
        return hit.ExtractMostSignificantBits();
    }

    // Looked up by a byte's low four bits, each blank finds itself: 0x20, 0x09, 0x0A, 0x0D. Bytes from 0x80 find 0.
    // The colon (0x3A) would share a place with the line feed, so it is compared apart.
    private static Vector128<byte> Blanks() => Vector128.Create(0x20, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x09, 0x0A, 0xFF, 0xFF, 0x0D, 0xFF, (byte)0xFF);
}
