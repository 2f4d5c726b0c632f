namespace DistSgd.Learning.Data;

/// <summary>Parses byte ranges of a plain file on several threads. Parts are claimed in order, so that the first fault of the file is always found.</summary>
internal sealed class PlainParse
{
    private const int PartsPerThread = 4; // evens out threads that are held up

    private readonly SourceFile _source;
    private readonly ReadOptions _options;
    private readonly (long Start, long End)[] _ranges;
    private readonly TextRows[] _parts;
    private readonly Lock _gate = new();
    private int _claimed; // next part; every thread, by interlocked increments
    private volatile Exception? _failure; // the one earliest in the file; written under _gate

    private PlainParse(SourceFile source, ReadOptions options, (long Start, long End)[] ranges, Func<long, TextRows> rowsFor)
    {
        _source = source;
        _options = options;
        _ranges = ranges;
        _parts = new TextRows[ranges.Length];
        for (int i = 0; i < ranges.Length; i++) _parts[i] = rowsFor(ranges[i].End - ranges[i].Start);
    }

    /// <param name="source">The file; not gzip.</param>
    /// <param name="options">How to read it.</param>
    /// <param name="ranges">The byte ranges whose lines are parsed.</param>
    /// <param name="rowsFor">Makes what parses about so many bytes.</param>
    /// <exception cref="LineFaultException">A line is malformed.</exception>
    /// <exception cref="DatasetException">The file cannot be read to its end.</exception>
    public static ParsedText Run(SourceFile source, ReadOptions options, (long Start, long End)[] ranges, Func<long, TextRows> rowsFor)
    {
        long bytes = 0;
        foreach (var (start, end) in ranges) bytes += end - start;
        int wanted = options.Threads == 0 ? Environment.ProcessorCount : options.Threads;
        int threads = (int)Math.Clamp(bytes / options.ThreadBytesMin, 1, wanted);
        long parts = threads == 1 ? 1 : threads * PartsPerThread;
        long partBytes = Math.Min(Math.Max(1, (bytes + parts - 1) / parts), options.SegmentBytesMax);
        return new PlainParse(source, options, Cut(ranges, partBytes), rowsFor).Run(threads);
    }

    // Loops, as little else is compiled ahead of time for pairs of numbers: most readings are short.
    private static (long Start, long End)[] Cut((long Start, long End)[] ranges, long partBytes)
    {
        int count = 0;
        foreach (var range in ranges) count += Parts(range, partBytes);
        var parts = new (long, long)[count];
        int next = 0;
        foreach (var range in ranges)
        {
            for (long part = 0; part < Parts(range, partBytes); part++)
                parts[next++] = (range.Start + (part * partBytes), Math.Min(range.End, range.Start + ((part + 1) * partBytes)));
        }
        return parts;
    }

    private static int Parts((long Start, long End) range, long partBytes) => (int)Math.Max(1, (range.End - range.Start + partBytes - 1) / partBytes);

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
            var text = new PlainText(_source.Handle, _source.Path, _source.Bytes, _options);
            while (_failure is null)
            {
                int part = Interlocked.Increment(ref _claimed) - 1;
                if (part >= _parts.Length) return;
                text.Parse(_ranges[part].Start, _ranges[part].End, _parts[part]);
                _parts[part].End();
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
}
