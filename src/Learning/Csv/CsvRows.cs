using System.Runtime.CompilerServices;
using DistSgd.Kernels.Text;
using DistSgd.Learning.Data;

namespace DistSgd.Learning.Csv;

/// <summary>Turns records of separated text into rows. Numbers in their usual form take the short way, <see cref="FieldNumber"/>; everything else goes through <see cref="CsvField"/>.</summary>
internal sealed class CsvRows : TextRows
{
    private const int MinRowBytes = 8; // shorter rows make a segment end early, no more
    private const int MinNonZeroBytes = 4;

    private readonly CsvFilePlan _plan;
    private readonly bool _byLine;
    private readonly bool _isInOrder;
    private readonly CsvFileColumn[] _columns;
    private readonly Column[] _quick;
    private readonly byte _separator;
    private readonly int _rowCapacity;
    private readonly int _nonZeroCapacity;
    private readonly uint[] _indices;
    private readonly float[] _values;
    private readonly List<uint> _marks = [];
    private readonly uint[] _hashed;
    private int _hashedCount;
    private readonly CsvLabels? _labels;
    private CategoryCount? _categories; // while it parses a file that has some
    private int _count;

    /// <param name="plan">What is done with the columns.</param>
    /// <param name="options">How to read.</param>
    /// <param name="textBytes">About how many bytes will be parsed.</param>
    /// <param name="byLine">Whether blocks are cut at any line feed, so that one within quotes is a fault (<see cref="LineFault.IsLineEndInField"/>).</param>
    public CsvRows(CsvFilePlan plan, ReadOptions options, long textBytes, bool byLine)
    {
        _plan = plan;
        _byLine = byLine;
        _isInOrder = plan.IsInOrder;
        _columns = plan.Columns;
        _separator = (byte)plan.Layout.Separator;
        long bytes = Math.Clamp(textBytes, 64, options.SegmentBytesMax);
        _rowCapacity = (int)(bytes / MinRowBytes) + 1;
        _nonZeroCapacity = (int)(bytes / MinNonZeroBytes) + 1;
        int most = (2 * (plan.Columns.Length + plan.Absent.Length)) + 1;
        _indices = new uint[most];
        _values = new float[most];
        _hashed = new uint[most];
        Sums = new double[plan.Columns.Length];
        MissingCounts = new long[plan.Columns.Length];
        _quick = [.. plan.Columns.Select(column => new Column(column.Role == CsvRole.Number || (column.Role == CsvRole.Label && !plan.LabelsAreTexts), column.Role == CsvRole.Label, column.Role == CsvRole.Category, column.Feature, column.HashBegin))];
        if (plan.LabelsAreTexts) _labels = new CsvLabels(plan.IsFitting ? null : plan.Layout.LabelNames);
    }

    /// <summary>Per file column, the sum of the numbers that are there.</summary>
    public double[] Sums { get; }

    /// <summary>Per file column, how many values are missing.</summary>
    public long[] MissingCounts { get; }

    /// <summary>Texts of labels in the order in which they were met; empty where labels are numbers.</summary>
    public IReadOnlyList<string> LabelNames => _labels?.Names ?? [];

    /// <summary>One a row, if the file has a column of them.</summary>
    public List<float> Weights { get; } = [];

    public override void End()
    {
        if (_categories is not null) _plan.Categories!.Give(_categories);
        _categories = null;
    }

    public override void Parse(byte[] text, int start, int end, long textOffset)
    {
        ParsedBytes += end - start;
        _categories ??= _plan.Categories?.Take();
        int at = (int)Math.Max(start, _plan.DataStart - textOffset);
        while (at < end)
        {
            if (CsvRecords.IsBlankLine(text.AsSpan(at, end - at), out int blank)) at += blank;
            else at = ParseRow(text, at, end, textOffset);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int ParseRow(byte[] text, int rowStart, int end, long textOffset)
    {
        int at = rowStart;
        float label = 0;
        _count = _hashedCount = 0;
        Column[] columns = _quick;
        byte separator = _separator;
        for (int c = 0; c < columns.Length; c++)
        {
            ref readonly Column column = ref columns[c];
            int length = 0;
            if (column.IsCategory)
            {
                length = CategoryHash.Field(column.HashBegin, text.AsSpan(at), separator, out ulong hash);
                if (length > 0) AddCategory(hash);
            }
            else if (column.IsNumber)
            {
                length = FieldNumber.Read(text.AsSpan(at), separator, out float value);
                if (column.IsLabel) label = value;
                else if (length > 0) PutQuickly(column.Feature, c, value);
            }
            at = length > 0 ? at + length : ReadField(text, at, end, rowStart, textOffset, c, ref label);
            if (text[at] == '\r') at++;
            if (text[at++] != (c == columns.Length - 1 ? (byte)'\n' : separator)) throw WrongCount(text, at - 1, end, rowStart, textOffset, c + 1);
        }
        AddRow(label, textOffset + rowStart);
        return at;
    }

    /// <summary>A column as the short way sees it.</summary>
    private readonly record struct Column(bool IsNumber, bool IsLabel, bool IsCategory, uint Feature, ulong HashBegin);

    private void AddRow(float label, long lineOffset)
    {
        foreach (CsvFileColumn absent in _plan.Absent)
        {
            if (absent.Role == CsvRole.Category) AddCategory(CategoryHash.Of(absent.HashBegin, []));
            else PutMissing(absent);
        }
        if (!_isInOrder) _indices.AsSpan(0, _count).Sort(_values.AsSpan(0, _count));
        if (_hashedCount > 0) PutHashed();
        _marks.Sort();
        foreach (uint mark in _marks) Put(mark, 1);
        _marks.Clear();
        DraftFor(1, _count, _rowCapacity, _nonZeroCapacity).Add(label, _indices.AsSpan(0, _count), _values.AsSpan(0, _count), lineOffset);
    }

    private void PutHashed()
    {
        uint first = (uint)_plan.Layout.NumberCount;
        SmallSort.Apply(_hashed.AsSpan(0, _hashedCount));
        for (int i = 0; i < _hashedCount; i++)
        {
            if (i > 0 && _hashed[i] == _hashed[i - 1]) _values[_count - 1]++;
            else Put(first + _hashed[i], 1);
        }
        _hashedCount = 0;
    }

    private void AddCategory(ulong hash) => _hashed[_hashedCount++] = _categories!.Add(hash);

    private void Put(uint feature, float value)
    {
        _indices[_count] = feature;
        _values[_count++] = value;
    }

    // A zero is written and then written over: no branch to guess.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void PutQuickly(uint feature, int column, float value)
    {
        _indices[_count] = feature;
        _values[_count] = value;
        _count += value != 0 ? 1 : 0;
        Sums[column] += value;
    }

    private void PutMissing(CsvFileColumn column)
    {
        if (column.Mean != 0) Put(column.Feature, column.Mean);
        if (column.Mark is { } mark) _marks.Add(mark);
    }

    // The careful way; returns where the field ends.
    private int ReadField(byte[] text, int at, int end, int rowStart, long textOffset, int c, ref float label)
    {
        CsvFileColumn column = _columns[c];
        LineFault? fault = CsvField.Read(text.AsSpan(at, end - at), 0, _separator, out CsvField field);
        if (_byLine && text[at] != '\n' && field.IsQuoted && (fault is not null && field.End == 0 || text.AsSpan(at, field.End).Contains((byte)'\n')))
            throw new LineFaultException(textOffset + rowStart, new LineFault(at - rowStart, "a line ends within quotes.") { IsLineEndInField = true });
        fault ??= column.Role switch
        {
            CsvRole.Number => PutNumber(column, c, field),
            CsvRole.Category => PutCategory(column, c, field),
            CsvRole.Label => _labels is null ? ReadNumber(column, field, "label", out label) : _labels.Read(column, field, out label),
            CsvRole.Weight => ReadWeight(column, field),
            _ => null,
        };
        return fault is null ? at + field.End : throw At(text, at + fault.At, rowStart, textOffset, fault.Problem);
    }

    private LineFault? PutNumber(CsvFileColumn column, int c, in CsvField field)
    {
        if (field.IsMissing)
        {
            MissingCounts[c]++;
            PutMissing(column);
            return null;
        }
        if (ReadNumber(column, field, "", out float value) is { } fault) return fault;
        if (value != 0) Put(column.Feature, value);
        Sums[c] += value;
        return null;
    }

    private LineFault? PutCategory(CsvFileColumn column, int c, in CsvField field)
    {
        if (field.IsMissing) MissingCounts[c]++;
        AddCategory(CategoryHash.Of(column.HashBegin, field.IsMissing ? [] : field.Content));
        return null;
    }

    private LineFault? ReadWeight(CsvFileColumn column, in CsvField field)
    {
        if (ReadNumber(column, field, "weight", out float weight) is { } fault) return fault;
        if (weight < 0) return new(0, $"the weight in column \"{column.Name}\" is {field.Shown}; expected 0 or more.");
        Weights.Add(weight);
        return null;
    }

    internal static LineFault? ReadNumber(CsvFileColumn column, in CsvField field, string what, out float value)
    {
        value = 0;
        if (field.IsMissing) return new(0, $"the {what} is missing in column \"{column.Name}\"; expected a number.");
        if (!DecimalText.TryParse(field.Content, out value))
        {
            return new(0, field.IsInfinite ? $"found \"{field.Shown}\" in column \"{column.Name}\"; expected a finite number."
                : what.Length > 0 ? $"found \"{field.Shown}\" as {what} in column \"{column.Name}\"; expected a number."
                : $"found \"{field.Shown}\" in column \"{column.Name}\", whose first values are numbers; expected a number. If the column holds categories, name it with --categorical.");
        }
        return float.IsFinite(value) ? null : new(0, $"\"{field.Shown}\" in column \"{column.Name}\" is too large for float32; expected at most 3.4028235e38 in size.");
    }

    private LineFaultException WrongCount(byte[] text, int at, int end, int rowStart, long textOffset, int found)
    {
        string expected = $"expected {_columns.Length}, as in the first line";
        if (text[at] == '\n') return At(text, at, rowStart, textOffset, $"the row has {found} {(found == 1 ? "field" : "fields")}; {expected}.");
        int last = at;
        for (found++; CsvField.Read(text.AsSpan(0, end), last + 1, _separator, out CsvField field) is null && text[field.End] != '\n'; found++) last = field.End;
        return At(text, at, rowStart, textOffset, $"the row has {found} fields; {expected}.");
    }

    // Line and column of the fault are those of the file, also where fields of the row hold line ends.
    private static LineFaultException At(byte[] text, int at, int rowStart, long textOffset, string problem)
    {
        int lineStart = rowStart + text.AsSpan(rowStart, at - rowStart).LastIndexOf((byte)'\n') + 1;
        return new LineFaultException(textOffset + lineStart, new LineFault(at - lineStart, problem));
    }
}
