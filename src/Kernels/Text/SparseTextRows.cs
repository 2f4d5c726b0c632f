namespace DistSgd.Kernels.Text;

/// <summary>Where <see cref="SparseTextKernel"/> writes rows (CSR), and what it counts on the way. Not safe for use by several threads.</summary>
/// <remarks>Spans are fixed by the caller; the counts are advanced by the kernel, and by the caller where it adds a row itself.</remarks>
public ref struct SparseTextRows
{
    /// <summary>Feature indices as stored: the index read minus <see cref="IndexOffset"/>, wrapping below zero.</summary>
    public Span<uint> Indices;

    /// <summary>One value for each index.</summary>
    public Span<float> Values;

    /// <summary>Where each row starts in <see cref="Indices"/>; entry RowCount is where the next one will.</summary>
    public Span<int> RowStarts;

    /// <summary>One label for each row.</summary>
    public Span<float> Labels;

    /// <summary>Byte offset in the source at which each row's line starts.</summary>
    public Span<long> LineOffsets;

    /// <summary>Rows written so far.</summary>
    public int RowCount;

    /// <summary>Indices and values written so far.</summary>
    public int NonZeroCount;

    /// <summary>Subtracted from every index read: 0 or 1.</summary>
    public uint IndexOffset;

    /// <summary>Rows whose largest index, as read, is above this are left to the caller.</summary>
    public uint LargestIndexAllowed;

    /// <summary>Stored indices from this on are dropped and counted; <see cref="uint.MaxValue"/> drops none.</summary>
    public uint ExpectedFeatures;

    /// <summary>Whether rows that contain index 0 are left to the caller.</summary>
    public bool ZeroIndexIsIrregular;

    /// <summary>Set once an index 0 was read.</summary>
    public bool SawZeroIndex;

    /// <summary>Largest index kept, as read; 0 if there was none.</summary>
    public uint LargestIndex;

    /// <summary>How many indices were dropped because of <see cref="ExpectedFeatures"/>.</summary>
    public long IgnoredCount;
}
