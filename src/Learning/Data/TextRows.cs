namespace DistSgd.Learning.Data;

/// <summary>Turns blocks of whole lines into rows, segment after segment. One thread's; several of them, each with its part of the source, make a data set.</summary>
internal abstract class TextRows : IDisposable
{
    /// <summary>Bytes before and after a block that must belong to its array.</summary>
    public const int PaddingBytes = Kernels.Text.SparseTextKernel.PaddingBytes;

    private readonly List<SegmentDraft> _drafts = [];

    /// <summary>Bytes of text parsed so far.</summary>
    public long ParsedBytes { get; protected set; }

    /// <summary>Rows parsed so far.</summary>
    public long RowCount => _drafts.Sum(draft => (long)draft.RowCount);

    public IReadOnlyList<SegmentDraft> Drafts => _drafts;

    /// <summary>Parses the lines <c>text[start..end)</c>.</summary>
    /// <param name="text">An array with <see cref="PaddingBytes"/> more bytes on both sides of the lines.</param>
    /// <param name="start">Start of the first line.</param>
    /// <param name="end">Behind the line feed of the last.</param>
    /// <param name="textOffset">Offset in the source of <c>text[0]</c>.</param>
    /// <exception cref="LineFaultException">A line is malformed.</exception>
    public abstract void Parse(byte[] text, int start, int end, long textOffset);

    /// <summary>All of the part has been parsed: gives back what only parsing needs.</summary>
    public virtual void End()
    {
    }

    public void Dispose()
    {
        foreach (var draft in _drafts) draft.Dispose();
    }

    /// <summary>The draft being filled, if it has room; else a new one with room for at least so many non-zeros.</summary>
    protected SegmentDraft DraftFor(int rows, int nonZeros, int rowCapacity, int nonZeroCapacity)
    {
        if (_drafts.Count == 0 || !_drafts[^1].HasRoomFor(rows, nonZeros)) _drafts.Add(new SegmentDraft(rowCapacity, Math.Max(nonZeroCapacity, nonZeros)));
        return _drafts[^1];
    }
}
