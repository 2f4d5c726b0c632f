using System.Runtime.ExceptionServices;
using DistSgd.Kernels;

namespace DistSgd.Learning.Data;

/// <summary>The sections of a cache, read and verified on several threads: into one block of memory, but indices and values only where all is to be there.</summary>
internal sealed class CacheSections : IDisposable
{
    private const int PieceBytes = 1 << 18; // stays in the processor's cache between its reading and its checksum

    private readonly CacheSource _file;
    private readonly CacheHeader _header;
    private readonly (long Start, long Bytes)[] _places;
    private readonly long[] _offsets; // where a section begins in memory; negative: it isn't there
    private readonly NativeBuffer<byte> _memory;
    private readonly StoredRows? _stored; // null: everything is in memory
    private int _damaged;

    public CacheSections(CacheSource file, CacheHeader header, (long Start, long Bytes)[] places, bool streams)
    {
        (_file, _header, _places) = (file, header, places);
        _offsets = new long[places.Length];
        long bytes = 0;
        for (int i = 0; i < places.Length; i++)
        {
            bool stays = streams && i % CacheHeader.SectionsPerSegment is 1 or 2;
            _offsets[i] = stays ? -1 : bytes;
            bytes += stays ? 0 : CacheHeader.Aligned(places[i].Bytes);
        }
        _memory = new NativeBuffer<byte>(bytes);
        HugePages.Advise(_memory);
        _stored = streams ? new StoredRows(file) : null;
    }

    /// <summary>Reads all. Afterwards the file is needed only where rows are streamed.</summary>
    /// <returns>False if a section isn't what was written.</returns>
    public bool Read(ReadOptions options)
    {
        int threads = options.Threads == 0 ? Environment.ProcessorCount : options.Threads;
        try
        {
            Parallel.For(0, _places.Length, new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = options.CancellationToken }, section =>
            {
                uint expected = _header.Segments[section / CacheHeader.SectionsPerSegment].Checksums[section % CacheHeader.SectionsPerSegment];
                if (ChecksumOf(section) != expected) Interlocked.Increment(ref _damaged);
            });
        }
        catch (AggregateException failures)
        {
            ExceptionDispatchInfo.Throw(failures.InnerExceptions[0]);
        }
        return _damaged == 0;
    }

    /// <summary>The data set, which now owns the memory and, where rows are streamed, the file.</summary>
    public Dataset ToDataset(string source)
    {
        var segments = new DatasetSegment[_header.Segments.Length];
        var weights = new float[_header.HasWeights ? _header.Segments.Sum(segment => (long)segment.Rows) : 0];
        long row = 0;
        for (int i = 0; i < segments.Length; i++)
        {
            int first = i * CacheHeader.SectionsPerSegment;
            var (rowStarts, labels, lineOffsets) = (Column<int>(first), Column<float>(first + 3), Column<long>(first + 4));
            segments[i] = _stored is null
                ? new DatasetSegment(row, rowStarts, Column<uint>(first + 1), Column<float>(first + 2), labels, lineOffsets)
                : new DatasetSegment(row, rowStarts, labels, lineOffsets, new StoredColumns(_stored, _places[first + 1].Start, _places[first + 2].Start));
            if (_header.HasWeights) Column<float>(first + 5).Span.CopyTo(weights.AsSpan((int)row));
            row += _header.Segments[i].Rows;
        }
        return new Dataset(segments, _header.Facts, this) { Path = source, Targets = RowTargets.None with { Weights = weights }, IsStreamed = _stored is not null };
    }

    public void Dispose()
    {
        _memory.Dispose();
        _stored?.Dispose();
    }

    private SegmentColumn<T> Column<T>(int section)
        where T : unmanaged => new(_memory, _offsets[section], _places[section].Bytes);

    // Null: the file ends within the section.
    private uint? ChecksumOf(int section)
    {
        var (start, bytes) = _places[section];
        bool stays = _offsets[section] < 0;
        Span<byte> piece = stays ? new byte[Math.Min(PieceBytes, bytes)] : [];
        var checksum = new Checksum();
        for (long done = 0; ; done += PieceBytes)
        {
            int count = (int)Math.Min(PieceBytes, bytes - done);
            Span<byte> target = stays ? piece[..count] : _memory.AsSpan(_offsets[section] + done, count);
            if (!_file.TryRead(start + done, target)) return null;
            if (done + count == bytes) return checksum.Finish(target);
            checksum.Add(target);
        }
    }
}
