using System.Runtime.InteropServices;

namespace DistSgd.Learning.Data;

/// <summary>
/// Indices and values that stay in a cache file: each thread reads the rows that it asks for, and some that follow, into a window of its own. A reader that goes on where its window ends is given
/// windows twice as long each time, up to <see cref="NonZerosMax"/>; one that jumps, <see cref="RowsMin"/> rows. Any thread.
/// </summary>
internal sealed class StoredRows(CacheSource file) : IDisposable
{
    /// <summary>Rows of a window where the last one didn't lie just before it.</summary>
    public const int RowsMin = Batches.StreamedBlocks.RunRows;

    /// <summary>Indices and values of a window, unless one row has more.</summary>
    public const int NonZerosMax = 1 << 16;

    private readonly ThreadLocal<Window> _windows = new(() => new Window());

    /// <summary>One row, valid until this thread asks for another.</summary>
    /// <param name="rowStarts">The segment's.</param>
    /// <param name="row">Within the segment.</param>
    /// <param name="indicesAt">Where the segment's indices lie in the file, in bytes; no other segment's lie there.</param>
    /// <param name="valuesAt">Where its values lie.</param>
    /// <param name="indices">The row's indices.</param>
    /// <param name="values">Their values.</param>
    /// <exception cref="DatasetException">Somebody has shortened or overwritten the file.</exception>
    public void Row(ReadOnlySpan<int> rowStarts, int row, long indicesAt, long valuesAt, out ReadOnlySpan<uint> indices, out ReadOnlySpan<float> values)
    {
        Window window = _windows.Value!;
        int start = rowStarts[row], length = rowStarts[row + 1] - start;
        if (window.IndicesAt != indicesAt || row < window.FirstRow || row >= window.EndRow) Fill(window, rowStarts, row, indicesAt, valuesAt);
        indices = window.Indices.AsSpan(start - window.Start, length);
        values = window.Values.AsSpan(start - window.Start, length);
    }

    public void Dispose()
    {
        _windows.Dispose();
        file.Dispose();
    }

    private void Fill(Window window, ReadOnlySpan<int> rowStarts, int row, long indicesAt, long valuesAt)
    {
        bool goesOn = window.IndicesAt == indicesAt && row == window.EndRow;
        int rows = goesOn ? 2 * (window.EndRow - window.FirstRow) : RowsMin;
        int start = rowStarts[row], end = (int)Math.Min(row + (long)rows, rowStarts.Length - 1);
        while (end > row + 1 && rowStarts[end] - start > NonZerosMax) end = row + ((end - row) / 2);
        int count = rowStarts[end] - start;
        window.IndicesAt = -1; // nothing, should reading fail
        if (window.Indices.Length < count) (window.Indices, window.Values) = (new uint[count], new float[count]);
        file.Read(indicesAt + ((long)start * sizeof(uint)), MemoryMarshal.AsBytes(window.Indices.AsSpan(0, count)));
        file.Read(valuesAt + ((long)start * sizeof(float)), MemoryMarshal.AsBytes(window.Values.AsSpan(0, count)));
        (window.IndicesAt, window.FirstRow, window.EndRow, window.Start) = (indicesAt, row, end, start);
    }

    private sealed class Window
    {
        public long IndicesAt = -1;
        public int FirstRow;
        public int EndRow;
        public int Start;
        public uint[] Indices = [];
        public float[] Values = [];
    }
}
