using System.Text;
using DistSgd.Learning.Data;

namespace DistSgd.Learning.Csv;

/// <summary>Turns texts of labels into numbers: those of a layout's names, or, while a layout is found out, in the order in which they are met. One thread's.</summary>
/// <param name="known">The names of labels 0, 1, …; null: none are known yet, any is taken.</param>
internal sealed class CsvLabels(IReadOnlyList<string>? known)
{
    private readonly List<string> _names = [.. known ?? []];
    private readonly Dictionary<ulong, int> _numbers = (known ?? []).Index().ToDictionary(name => Hash(Encoding.UTF8.GetBytes(name.Item)), name => name.Index);

    public IReadOnlyList<string> Names => _names;

    public LineFault? Read(CsvFileColumn column, in CsvField field, out float label)
    {
        label = 0;
        if (field.IsMissing) return new(0, $"the label is missing in column \"{column.Name}\"; expected a text.");
        ulong hash = Hash(field.Content);
        if (!_numbers.TryGetValue(hash, out int number))
        {
            if (known is not null) return new(0, $"found the label \"{field.Shown}\" in column \"{column.Name}\", which the model does not know; expected one of {Shown(known)}.");
            if (_names.Count == LabelSummary.DistinctMax)
                return new(0, $"the column \"{column.Name}\" has more than {LabelSummary.DistinctMax:N0} texts; is it the label's? Name that with --label-column.");
            number = _names.Count;
            _names.Add(Encoding.UTF8.GetString(field.Content));
            _numbers.Add(hash, number);
        }
        label = number;
        return null;
    }

    private static ulong Hash(ReadOnlySpan<byte> text) => CategoryHash.Of(0, text);

    private static string Shown(IReadOnlyList<string> names)
    {
        const int ShownMax = 12;
        return string.Join(", ", names.Take(ShownMax)) + (names.Count > ShownMax ? ", …" : "");
    }
}
