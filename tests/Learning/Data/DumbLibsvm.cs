using System.Globalization;
using System.Text.RegularExpressions;
using DistSgd.Learning.Data;

namespace DistSgd.Learning.Tests.Data;

/// <summary>A LIBSVM reader made of Split and float.Parse: what the real one must agree with.</summary>
internal static partial class DumbLibsvm
{
    public sealed record Row(float Label, uint[] Indices, float[] Values, long LineOffset);

    /// <summary>The rows with 0-based indices, or null if the text is malformed. Text is Latin-1, so a character is a byte.</summary>
    public static List<Row>? Parse(string text, IndexBase indexBase, out bool sawZero)
    {
        var rows = new List<Row>();
        sawZero = false;
        long offset = 0;
        foreach (string line in text.Split('\n'))
        {
            string content = line.Split('#')[0];
            string[] tokens = content.Split([' ', '\t', '\r'], StringSplitOptions.RemoveEmptyEntries);
            if (tokens.Length > 0)
            {
                if (!Number(tokens[0], out float label)) return null;
                var pairs = new SortedDictionary<uint, float>();
                foreach (string token in tokens.Skip(1))
                {
                    int colon = token.IndexOf(':');
                    if (colon < 0 || !IsDigits().IsMatch(token[..colon]) || !ulong.TryParse(token[..colon], out ulong index) || index > uint.MaxValue) return null;
                    if (index == uint.MaxValue && indexBase == IndexBase.Zero) return null;
                    if (index == 0 && indexBase == IndexBase.One) return null;
                    sawZero |= index == 0;
                    if (!Number(token[(colon + 1)..], out float value) || !pairs.TryAdd((uint)index, value)) return null;
                }
                rows.Add(new Row(label, [.. pairs.Keys], [.. pairs.Values], offset));
            }
            offset += line.Length + 1;
        }
        bool isZeroBased = indexBase == IndexBase.Zero || (indexBase == IndexBase.Auto && sawZero);
        if (isZeroBased && indexBase == IndexBase.Auto && rows.Any(r => r.Indices.Contains(uint.MaxValue))) return null;
        if (rows.Count == 0) return null;
        return isZeroBased ? rows : [.. rows.Select(r => r with { Indices = [.. r.Indices.Select(i => i - 1)] })];
    }

    private static bool Number(string token, out float value)
    {
        value = 0;
        return IsNumber().IsMatch(token) && float.TryParse(token, NumberStyles.Float, CultureInfo.InvariantCulture, out value) && float.IsFinite(value);
    }

    [GeneratedRegex(@"\A[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\z", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex IsNumber();

    [GeneratedRegex(@"\A[0-9]+\z", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex IsDigits();
}
