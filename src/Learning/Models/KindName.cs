using System.Text;

namespace DistSgd.Learning.Models;

/// <summary>How the members of an enumeration are written by people: SquaredHinge is squared-hinge.</summary>
public static class KindName
{
    /// <summary>The written name.</summary>
    /// <param name="kind">A member of any enumeration.</param>
    public static string Of(Enum kind) => Of(kind.ToString());

    /// <summary>The written name.</summary>
    /// <param name="member">A member's name.</param>
    public static string Of(string member)
    {
        var name = new StringBuilder();
        foreach (char letter in member)
        {
            if (char.IsUpper(letter) && name.Length > 0)
                name.Append('-');
            name.Append(char.ToLowerInvariant(letter));
        }
        return name.ToString();
    }
}
