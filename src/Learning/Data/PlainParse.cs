namespace DistSgd.Learning.Data;

/// <summary>Parses a byte range of a plain file on several threads. Parts are claimed in order, so that the first fault of the file is always found.</summary>
internal sealed class PlainParse
{
    private const int PartsPerThread = 2; // evens out threads that are held up

    private readonly SourceFile _source;
    private readonly LibsvmOptions _options;
    private readonly long _start;
    private readonly long _end;
    private readonly long _partBytes;
    private readonly LibsvmRows[] _parts;
    private readonly Lock _gate = new();
    private int _claimed; // next part; every thread, by interlocked increments
    private volatile Exception? _failure; // the one earliest in the file; written under _gate

    private PlainParse(SourceFile source, LibsvmOptions options, long start, long end, int parts)
    {
        _source = source;
        _options = options;
        _start = start;
        _end = end;
        _partBytes = (Math.Max(0, end - start) + parts - 1) / parts;
        _parts = new LibsvmRows[parts];
        for (int i = 0; i < parts; i++) _parts[i] = new LibsvmRows(options, PartStart(i + 1) - PartStart(i));
    }

    /// <exception cref="LineFaultException">A line is malformed.</exception>
    /// <exception cref="DatasetException">The file cannot be read to its end.</exception>
    public static ParsedText Run(SourceFile source, LibsvmOptions options, long start, long end)
    {
        long bytes = Math.Max(0, end - start);
        int wanted = options.Threads == 0 ? Environment.ProcessorCount : options.Threads;
        int threads = (int)Math.Clamp(bytes / options.ThreadBytesMin, 1, wanted);
        long parts = threads == 1 ? 1 : threads * PartsPerThread;
        parts = Math.Max(parts, (bytes + options.SegmentBytesMax - 1) / options.SegmentBytesMax);
        return new PlainParse(source, options, start, end, checked((int)parts)).Run(threads);
    }

    private ParsedText Run(int threads)
    {
        var others = new Thread[threads - 1];
        for (int i = 0; i < others.Length; i++)
        {
            others[i] = new Thread(Work) { IsBackground = true, Name = $"parse {i + 1}" };
            others[i].Start();
        }
        Work();
        foreach (var thread in others) thread.Join();
        var parsed = new ParsedText(_parts, _source.Bytes);
        if (_failure is null) return parsed;
        parsed.Dispose();
        throw _failure;
    }

    private void Work()
    {
        try
        {
            var text = new PlainText(_source.Handle, _source.Path, _source.Bytes, _options.BlockBytes);
            while (_failure is null)
            {
                int part = Interlocked.Increment(ref _claimed) - 1;
                if (part >= _parts.Length) return;
                text.Parse(PartStart(part), PartStart(part + 1), _parts[part]);
            }
        }
        catch (Exception error)
        {
            Keep(error);
        }
    }

    private void Keep(Exception error)
    {
        lock (_gate)
        {
            if (_failure is null || (error is LineFaultException fault && (_failure is not LineFaultException first || fault.LineOffset < first.LineOffset))) _failure = error;
        }
    }

    private long PartStart(int part) => Math.Min(_start + (part * _partBytes), _end);
}
