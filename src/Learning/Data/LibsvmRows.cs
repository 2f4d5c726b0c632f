using System.Runtime.CompilerServices;
using DistSgd.Kernels.Text;

namespace DistSgd.Learning.Data;

/// <summary>Turns blocks of LIBSVM text into rows.</summary>
internal sealed class LibsvmRows : TextRows
{
    private const int MeanRowBytes = 16; // rows shorter than this on average make a segment end early, no more
    private const int SlackNonZeros = 16; // the kernel writes whole vectors
    private const int MinNonZeroBytes = 4; // "1:1 "

    private readonly ReadOptions _options;
    private readonly int _rowCapacity;
    private readonly int _nonZeroCapacity;
    private readonly ulong[] _scratch = new ulong[SparseTextKernel.ScratchLength];
    private int[] _marks = [];

    /// <param name="options">How to read.</param>
    /// <param name="textBytes">About how many bytes will be parsed; a segment has room for the rows of so many.</param>
    public LibsvmRows(ReadOptions options, long textBytes)
    {
        _options = options;
        long bytes = Math.Clamp(textBytes, 64, options.SegmentBytesMax);
        _rowCapacity = (int)(bytes / MeanRowBytes);
        _nonZeroCapacity = (int)(bytes / MinNonZeroBytes) + SlackNonZeros;
    }

    public bool SawZeroIndex { get; private set; }

    public uint LargestIndex { get; private set; }

    public long IgnoredCount { get; private set; }

    /// <summary>Queries and label sets met so far.</summary>
    public RowNotes Notes { get; } = new();

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Parse(byte[] text, int start, int end, long textOffset)
    {
        ParsedBytes += end - start;
        if (textOffset + start == 0 && text.AsSpan(start, end - start).StartsWith("\uFEFF"u8))
            start += 3;
        if (_marks.Length < end - start + TextStructure.SlackMarks)
            _marks = GC.AllocateUninitializedArray<int>(Math.Max(end - start, _options.BlockBytes) + TextStructure.SlackMarks);
        var marks = _marks.AsSpan(0, TextStructure.Find(text, start, end, _marks));
        int k = 0;
        var rows = Lend((marks.Length / 2) + SlackNonZeros);
        long rowsBefore = RowsBefore();
        for (int at = start; at < end;)
        {
            at = SparseTextKernel.Parse(text, at, marks, ref k, textOffset, _scratch, ref rows);
            if (at >= end) break;
            if (rows.RowCount == rows.Labels.Length)
            {
                TakeBack(in rows);
                rows = Lend((marks.Length / 2) + SlackNonZeros);
                rowsBefore = RowsBefore();
                continue;
            }
            int length = text.AsSpan(at, end - at).IndexOf((byte)'\n');
            if (LibsvmLine.Parse(text.AsSpan(at, length), textOffset + at, ref rows, Notes) is { } fault) throw new LineFaultException(textOffset + at, fault);
            Notes.Commit(rowsBefore + rows.RowCount - 1, textOffset + at);
            at += length + 1;
            while (k < marks.Length && (marks[k] & TextStructure.PositionBits) < at) k++;
        }
        TakeBack(in rows);
    }

    public override void End() => _marks = [];

    // Rows of all drafts but the one being filled.
    private long RowsBefore()
    {
        long rows = 0;
        for (int i = 0; i < Drafts.Count - 1; i++) rows += Drafts[i].RowCount;
        return rows;
    }

    private SparseTextRows Lend(int nonZerosMax)
    {
        var draft = DraftFor(1, nonZerosMax, _rowCapacity, _nonZeroCapacity);
        var rows = new SparseTextRows
        {
            IndexOffset = _options.IndexBase == IndexBase.Zero ? 0u : 1u,
            ZeroIndexIsIrregular = _options.IndexBase == IndexBase.One,
            LargestIndexAllowed = LargestIndexAllowed(),
            ExpectedFeatures = _options.ExpectedFeatures ?? uint.MaxValue,
            SawZeroIndex = SawZeroIndex,
            LargestIndex = LargestIndex,
            IgnoredCount = IgnoredCount,
        };
        draft.Lend(ref rows);
        return rows;
    }

    private void TakeBack(in SparseTextRows rows)
    {
        Drafts[^1].Advance(in rows);
        SawZeroIndex = rows.SawZeroIndex;
        LargestIndex = rows.LargestIndex;
        IgnoredCount = rows.IgnoredCount;
    }

    // With the base still unknown, the larger of the two bounds; the reader checks again when it knows.
    private uint LargestIndexAllowed()
    {
        if (_options.ExpectedFeatures is not null) return uint.MaxValue;
        return _options.IndexBase == IndexBase.Zero ? _options.FeatureLimit - 1 : _options.FeatureLimit;
    }
}
