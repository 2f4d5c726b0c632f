using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace DistSgd.Kernels.Text;

/// <summary>Parses regular lines of LIBSVM text, <c>label index:value index:value …</c>, from the marks of their structural characters.</summary>
/// <remarks>
/// Regular means: values of at most 15 characters without exponent or plus sign, indices of at most 9 digits, strictly ascending; blanks anywhere but before the label; lines ended by
/// LF or CRLF. Every other line is left to the caller, who decides whether it is another way of writing a row or an error; so this file knows no error messages.
/// As the marks are known beforehand, the numbers of a row don't depend on each other and the processor works on several at once. Digits are converted in lanes, index and
/// value side by side: a shuffle moves them to the right and drops the point, two multiply-adds, a pack and one more join them to two numbers of eight digits. What can be done for
/// several numbers at once (joining, division by a power of ten, rounding, the order of the indices) is done in a second pass over a few hundred of them.
/// Validity is accumulated, not branched upon: any character that is not a digit where one belongs shows up in the largest digit of the row.
/// The value is what <c>float.Parse</c> gives, the nearest float32 (<see cref="DecimalRounding"/>).
/// </remarks>
public static class SparseTextKernel
{
    /// <summary>Bytes that must be readable before the first line and after the last.</summary>
    public const int PaddingBytes = 64;

    /// <summary>Length of the scratch memory that <see cref="Parse"/> needs.</summary>
    public const int ScratchLength = 3 * ScratchPairs;

    private const int BatchPairs = 256;
    private const int PairLanes = 4; // pairs that the second pass takes at once
    private const int ScratchPairs = BatchPairs + PairLanes;
    private const int LaneBytes = 16;

    // One table, so that the loop keeps one base register for it. Its parts:
    // for a number that with the character before it has L bytes, its point at p (p = L: none), entry 32·L + p: the shuffle that drops the point and moves the digits to the right;
    // for the colon n bytes behind the blank before an index, entry n: the shuffle that blanks all but the last n − 1 bytes;
    // the number to divide by: entry L − p: 10⁰ for 0 (no point), else 10^(L − p − 1); entry 32 + L − p: the same, negative.
    // Empty numbers get a shuffle that picks a character that is no digit.
    private const int IndexShufflesAt = 32 * 32 * LaneBytes;
    private const int DivisorsAt = IndexShufflesAt + (32 * LaneBytes);
    private const int TableBytes = DivisorsAt + (64 * sizeof(double));

    private static readonly byte[] Table = BuildTable();

    /// <summary>Whether this machine has the instructions; without them every line is left to the caller.</summary>
    public static bool IsSupported => Avx2.IsSupported;

    /// <summary>Parses lines from <paramref name="lineStart"/> on until the end of the marks or a line that is not regular.</summary>
    /// <param name="text">The text, with <see cref="PaddingBytes"/> readable bytes before <paramref name="lineStart"/> and after the last mark.</param>
    /// <param name="lineStart">Where the first line starts.</param>
    /// <param name="marks">Marks of the structural characters, from <see cref="TextStructure.Find"/>; the last one is a line feed.</param>
    /// <param name="markIndex">Index in <paramref name="marks"/> of the first one at or after <paramref name="lineStart"/>; advanced.</param>
    /// <param name="textOffset">Offset in the source of <c>text[0]</c>.</param>
    /// <param name="scratch">Memory of at least <see cref="ScratchLength"/> that the call may overwrite.</param>
    /// <param name="rows">Where rows go. Room is needed for a non-zero per two marks; when the room for rows is used up, parsing stops.</param>
    /// <returns>The start of the first line not parsed: an irregular one, one for which there is no row left, or the end of the text.</returns>
    /// <exception cref="ArgumentException">The padding or the room is too small.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int Parse(ReadOnlySpan<byte> text, int lineStart, ReadOnlySpan<int> marks, ref int markIndex, long textOffset, Span<ulong> scratch, ref SparseTextRows rows)
    {
        if (!IsSupported || markIndex >= marks.Length) return lineStart;
        CheckRoom(text, lineStart, marks, markIndex, scratch, in rows);
        ref byte source = ref MemoryMarshal.GetReference(text);
        ref byte table = ref MemoryMarshal.GetArrayDataReference(Table);
        int k = markIndex;
        while (k < marks.Length && rows.RowCount < rows.Labels.Length)
        {
            int mark = marks[k];
            int at = mark & TextStructure.PositionBits;
            if (at == lineStart && (mark & TextStructure.FeedBit) != 0)
            {
                markIndex = ++k;
                lineStart++;
                continue;
            }
            if (mark < 0 || !DecimalText.TryParse(text[lineStart..at], out float label) || !float.IsFinite(label)) break;
            int room = rows.NonZeroCount;
            int count = (mark & TextStructure.FeedBit) != 0 ? 0 : ParsePairs(
                ref source, marks, ref k, ref table, ref MemoryMarshal.GetReference(scratch), rows.Indices[room..], rows.Values[room..], rows.IndexOffset);
            if (count < 0 || !FinishRow(ref rows, count)) break;
            rows.Labels[rows.RowCount] = label;
            rows.LineOffsets[rows.RowCount] = textOffset + lineStart;
            rows.RowStarts[++rows.RowCount] = rows.NonZeroCount;
            lineStart = (marks[k] & TextStructure.PositionBits) + 1;
            markIndex = ++k;
        }
        return lineStart;
    }

    /// <summary>Parses a row's pairs from the mark behind its label, <c>marks[k]</c>, to its line feed, where k is left.</summary>
    /// <returns>How many pairs; negative if the line is not regular.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int ParsePairs(
        ref byte source, ReadOnlySpan<int> marks, ref int k, ref byte table, ref ulong scratch, Span<uint> indices, Span<float> values, uint indexOffset)
    {
        ref int mark = ref Unsafe.Add(ref MemoryMarshal.GetReference(marks), k);
        int first = k;
        int done = 0;
        int n = 0;
        int at = mark;
        var largestDigits = Vector256<byte>.Zero;
        while (true)
        {
            int colon = Unsafe.Add(ref mark, 1);
            if (colon >= 0)
            {
                // Not a colon but another blank or the line feed: regular if it follows at once.
                mark = ref Unsafe.Add(ref mark, 1);
                if ((colon & TextStructure.PositionBits) != at + 1) return -1;
                if ((colon & TextStructure.FeedBit) != 0) break;
                at = colon;
                continue;
            }
            int endMark = Unsafe.Add(ref mark, 2);
            mark = ref Unsafe.Add(ref mark, 2);
            colon &= TextStructure.PositionBits;
            int end = endMark & TextStructure.PositionBits;
            int indexLength = colon - at; // with the blank before it
            int negative = Unsafe.Add(ref source, colon + 1) == '-' ? 1 : 0;
            colon += negative;
            int length = end - colon; // with the colon or minus before it
            if (((uint)(length - 1) | (uint)(indexLength + 5)) > 15) return -1;

            var before = Vector128.LoadUnsafe(ref source, (nuint)(colon - negative - LaneBytes));
            var after = Vector128.LoadUnsafe(ref source, (nuint)colon);
            uint points = Vector128.Equals(after, Vector128.Create((byte)'.')).ExtractMostSignificantBits();
            int point = BitOperations.TrailingZeroCount(points | (1u << length));
            var indexShuffle = Vector128.LoadUnsafe(ref table, (nuint)(IndexShufflesAt + (indexLength * LaneBytes)));
            var valueShuffle = Vector128.LoadUnsafe(ref table, (nuint)((length * 32 * LaneBytes) + (point * LaneBytes)));
            var characters = Vector256.Create(before, after) - Vector256.Create((byte)'0');
            var digits = Avx2.Shuffle(characters, Vector256.Create(indexShuffle, valueShuffle));
            largestDigits = Vector256.Max(largestDigits, digits);
            var pairs = Avx2.MultiplyAddAdjacent(digits, Vector256.Create((short)0x010A).AsSByte());
            var fours = Avx2.MultiplyAddAdjacent(pairs, Vector256.Create(0x00010064).AsInt16());
            var packed = Avx2.PackUnsignedSaturate(fours, fours);
            var eights = Avx2.MultiplyAddAdjacent(packed.AsInt16(), Vector256.Create(0x00012710).AsInt16()).AsUInt64();
            Unsafe.Add(ref scratch, n) = eights.ToScalar();
            Unsafe.Add(ref scratch, ScratchPairs + n) = eights.GetUpper().ToScalar();
            Unsafe.Add(ref scratch, (2 * ScratchPairs) + n) =
                Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref table, DivisorsAt + ((length - point + (negative * 32)) * sizeof(double))));
            n++;
            at = endMark;
            if ((endMark & (TextStructure.ColonBit | TextStructure.FeedBit)) != 0)
            {
                if (endMark < 0) return -1;
                break;
            }
            if (n == BatchPairs)
            {
                if (!JoinAndRound(ref scratch, n, indices[done..], values[done..], indexOffset)) return -1;
                done += n;
                n = 0;
            }
        }
        if (Vector256.GreaterThanAny(largestDigits, Vector256.Create((byte)9))) return -1;
        if (!JoinAndRound(ref scratch, n, indices[done..], values[done..], indexOffset)) return -1;
        k = first + (int)(Unsafe.ByteOffset(ref Unsafe.Add(ref MemoryMarshal.GetReference(marks), first), ref mark) / sizeof(int));
        return IsAscending(indices[..(done + n)], indexOffset) ? done + n : -1;
    }

    /// <summary>The second pass: joins the halves of <paramref name="count"/> numbers and rounds values to float32. False: a rounding is not proven.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool JoinAndRound(ref ulong scratch, int count, Span<uint> indices, Span<float> values, uint indexOffset)
    {
        if (indices.Length < count + PairLanes || values.Length < count + PairLanes) ThrowNoRoom();
        ref uint index = ref MemoryMarshal.GetReference(indices);
        ref float value = ref MemoryMarshal.GetReference(values);
        var lowHalves = Vector256.Create(0, 2, 4, 6, 0, 2, 4, 6);
        var unsafeFrom = Vector256.Create((ulong)DecimalRounding.UnsafeFrom).AsUInt32();
        var unsafeSpan = Vector256.Create((ulong)DecimalRounding.UnsafeSpan).AsUInt32();
        var valid = Vector256.Create(count);
        var lane = Vector256.Create(0, 0, 1, 1, 2, 2, 3, 3);
        var doubtful = Vector256<uint>.Zero;
        for (int i = 0; i < count; i += PairLanes)
        {
            var joined = Join(Vector256.LoadUnsafe(ref scratch, (nuint)i)).AsInt32();
            (Avx2.PermuteVar8x32(joined, lowHalves).GetLower().AsUInt32() - Vector128.Create(indexOffset)).StoreUnsafe(ref index, (nuint)i);
            var mantissas = Join(Vector256.LoadUnsafe(ref scratch, (nuint)(ScratchPairs + i)));
            var divisors = Vector256.LoadUnsafe(ref scratch, (nuint)((2 * ScratchPairs) + i)).AsDouble();
            var quotients = Vector256.ConvertToDouble(mantissas.AsInt64()) / divisors;
            var distance = (quotients.AsUInt64() & Vector256.Create((ulong)DecimalRounding.LowBitsMask)).AsUInt32() - unsafeFrom;
            // In the upper halves, distance and span are 0: they always look near, and are masked out below, as are the lanes past the end.
            var near = Vector256.Equals(Vector256.Min(distance, unsafeSpan), distance);
            doubtful |= near & Vector256.LessThan(lane, valid - Vector256.Create(i)).AsUInt32();
            Avx.ConvertToVector128Single(quotients).StoreUnsafe(ref value, (nuint)i);
        }
        return (doubtful.AsUInt64() & Vector256.Create((ulong)uint.MaxValue)) == Vector256<ulong>.Zero;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> Join(Vector256<ulong> halves) =>
        Avx2.Multiply(halves.AsUInt32(), Vector256.Create(100_000_000ul).AsUInt32()) + (halves >> 32);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool IsAscending(ReadOnlySpan<uint> indices, uint indexOffset)
    {
        ref uint index = ref MemoryMarshal.GetReference(indices);
        var offset = Vector256.Create(indexOffset);
        var ascending = Vector256<int>.AllBitsSet;
        int i = 1;
        for (; i + Vector256<uint>.Count <= indices.Length; i += Vector256<uint>.Count)
        {
            var these = (Vector256.LoadUnsafe(ref index, (nuint)i) + offset).AsInt32(); // below 10⁹, so signed is as good
            var those = (Vector256.LoadUnsafe(ref index, (nuint)(i - 1)) + offset).AsInt32();
            ascending &= Vector256.GreaterThan(these, those);
        }
        bool result = ascending == Vector256<int>.AllBitsSet;
        for (; i < indices.Length; i++) result &= indices[i] + indexOffset > indices[i - 1] + indexOffset;
        return result;
    }

    /// <summary>The checks that need only a row's first and last index, as they ascend. False: the row is the caller's.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool FinishRow(ref SparseTextRows rows, int count)
    {
        if (count == 0) return true;
        int start = rows.NonZeroCount;
        int last = start + count - 1;
        uint largest = rows.Indices[last] + rows.IndexOffset;
        bool hasZero = rows.Indices[start] + rows.IndexOffset == 0;
        if (largest > rows.LargestIndexAllowed || (hasZero && rows.ZeroIndexIsIrregular)) return false;
        rows.SawZeroIndex |= hasZero;
        int end = start + count;
        if (rows.ExpectedFeatures != uint.MaxValue)
        {
            while (end > start && rows.Indices[end - 1] >= rows.ExpectedFeatures) end--;
            rows.IgnoredCount += start + count - end;
            largest = end == start ? 0 : rows.Indices[end - 1] + rows.IndexOffset;
        }
        rows.NonZeroCount = end;
        if (largest > rows.LargestIndex) rows.LargestIndex = largest;
        return true;
    }

    private static void CheckRoom(
        ReadOnlySpan<byte> text, int lineStart, ReadOnlySpan<int> marks, int k, ReadOnlySpan<ulong> scratch, in SparseTextRows rows)
    {
        int lastPosition = marks[^1] & TextStructure.PositionBits;
        if (lineStart < PaddingBytes || text.Length - lastPosition <= PaddingBytes) throw new ArgumentException("The text lacks its padding.", nameof(text));
        if (text[lastPosition] != '\n') throw new ArgumentException("The last mark is not a line feed.", nameof(marks));
        if (scratch.Length < ScratchLength) throw new ArgumentException($"The scratch memory has {scratch.Length} numbers; expected {ScratchLength}.", nameof(scratch));
        int most = ((marks.Length - k) / 2) + PairLanes;
        if (rows.Indices.Length - rows.NonZeroCount < most || rows.Values.Length - rows.NonZeroCount < most) ThrowNoRoom();
    }

    private static void ThrowNoRoom() => throw new ArgumentException("There is no room left for indices and values.");

    private static byte[] BuildTable()
    {
        var table = new byte[TableBytes];
        for (int length = 1; length <= LaneBytes; length++)
            for (int point = 1; point <= length; point++)
            {
                int digits = length - 1 - (point < length ? 1 : 0);
                var shuffle = table.AsSpan(((length * 32) + point) * LaneBytes, LaneBytes);
                for (int lane = 0; lane < LaneBytes; lane++)
                {
                    int from = lane - LaneBytes + 1 + digits;
                    shuffle[lane] = from < 1 ? (byte)0x80 : (byte)(from >= point ? from + 1 : from);
                }
                if (digits == 0) shuffle[LaneBytes - 1] = (byte)(length - 1);
            }
        for (int length = 1; length <= LaneBytes; length++)
            for (int lane = 0; lane < LaneBytes; lane++)
                table[IndexShufflesAt + (length * LaneBytes) + lane] = lane <= LaneBytes - Math.Max(length, 2) ? (byte)0x80 : (byte)lane;
        for (int i = 0; i < 32; i++)
        {
            double divisor = DecimalRounding.PowersOfTen[Math.Max(i - 1, 0)];
            BitConverter.TryWriteBytes(table.AsSpan(DivisorsAt + (i * sizeof(double))), divisor);
            BitConverter.TryWriteBytes(table.AsSpan(DivisorsAt + ((32 + i) * sizeof(double))), -divisor);
        }
        return table;
    }
}
