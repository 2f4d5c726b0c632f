using System.Globalization;
using DistSgd.Learning.Models;

namespace DistSgd.Learning.Data;

/// <summary>
/// A tree of classes, read from text: a line "child parent" for every node but the root, in any order; # begins a comment. Nodes are any words
/// without blanks; those that are labels of the data are its classes. The cost of a mistake is the number of edges between two classes.
/// </summary>
public static class Taxonomy
{
    /// <summary>Most classes: their costs are k·k numbers.</summary>
    public const int ClassesMax = 2000;

    /// <summary>Reads a tree and measures it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="classes">The classes' labels.</param>
    /// <exception cref="DatasetException">The file is missing or no tree, or a class isn't in it.</exception>
    public static CostMatrix Read(string path, IReadOnlyList<float> classes)
    {
        string[] lines;
        try
        {
            lines = File.ReadAllLines(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new DatasetException(path, $"the taxonomy cannot be read: {error.Message}", error);
        }
        if (classes.Count > ClassesMax)
            throw new DatasetException(path, $"there are {classes.Count} classes; a taxonomy of at most {ClassesMax} can be used.");
        Dictionary<string, string> parents = Parents(path, lines);
        string[][] ways = [.. classes.Select(label => Way(path, label, parents))];
        int k = classes.Count;
        var costs = new float[k * k];
        for (int i = 0; i < k * k; i++)
            costs[i] = Distance(ways[i / k], ways[i % k]);
        if (ways.Select(way => way[^1]).Distinct(StringComparer.Ordinal).Count() > 1)
            throw new DatasetException(path, $"the classes have several roots: {string.Join(", ", ways.Select(way => way[^1]).Distinct(StringComparer.Ordinal).Take(5))}; expected one tree.");
        return new CostMatrix(costs);
    }

    private static Dictionary<string, string> Parents(string path, string[] lines)
    {
        var parents = new Dictionary<string, string>(StringComparer.Ordinal);
        for (int i = 0; i < lines.Length; i++)
        {
            string[] words = lines[i].Split('#')[0].Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (words.Length == 0)
                continue;
            if (words.Length != 2)
                throw new DatasetFormatException(path, i + 1, 1, $"found {words.Length} words; expected two, a child and its parent.");
            if (!parents.TryAdd(Node(words[0]), Node(words[1])))
                throw new DatasetFormatException(path, i + 1, 1, $"the node {words[0]} has a second parent, {words[1]}; expected one.");
        }
        return parents;
    }

    // 7 and 7.0 are one node, as they are one label.
    private static string Node(string word) =>
        float.TryParse(word, NumberStyles.Float, CultureInfo.InvariantCulture, out float label) ? label.ToString("R", CultureInfo.InvariantCulture) : word;

    // From a class to its root, both included.
    private static string[] Way(string path, float label, Dictionary<string, string> parents)
    {
        string name = label.ToString("R", CultureInfo.InvariantCulture);
        if (!parents.ContainsKey(name))
            throw new DatasetException(path, $"the class {name} of the data isn't in the taxonomy; expected a line \"{name} PARENT\".");
        var way = new List<string> { name };
        while (parents.TryGetValue(way[^1], out string? parent))
        {
            if (way.Count > parents.Count)
                throw new DatasetException(path, $"the parents of {name} go round in a circle; expected a tree.");
            way.Add(parent);
        }
        return [.. way];
    }

    private static float Distance(string[] from, string[] to)
    {
        int common = 0;
        while (common < from.Length && common < to.Length && from[^(common + 1)] == to[^(common + 1)])
            common++;
        return from.Length + to.Length - 2 * common;
    }
}
