using System.Formats.Asn1;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Grpc.Core;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;

namespace Grpc.AspNetCore.Server.Calls;

/// <summary>What TLS tells of a client, under the names that gRPC gives it (doc: "Authentication", auth property names).</summary>
internal static class PeerIdentity
{
    private const string TransportSecurityType = "transport_security_type";
    private const string CommonName = "x509_common_name";
    private const string AlternativeName = "x509_subject_alternative_name";
    private const string AlternativeNameOid = "2.5.29.17";

    // Kinds of GeneralName (RFC 5280 §4.2.1.6).
    private const int Rfc822Name = 1;
    private const int DnsName = 2;
    private const int UriName = 6;
    private const int IpAddress = 7;

    private static readonly AuthContext Anonymous = new(null, []);

    /// <summary>The identity is the certificate's alternative names, else its common name; without a certificate nobody is authenticated.</summary>
    public static AuthContext Of(HttpContext http)
    {
        var certificate = http.Connection.ClientCertificate;
        if (certificate is null && http.Features.Get<ITlsHandshakeFeature>() is null)
            return Anonymous;
        var properties = new Dictionary<string, List<AuthProperty>>(StringComparer.Ordinal);
        Add(properties, TransportSecurityType, ["ssl"]);
        if (certificate is null)
            return new AuthContext(null, properties);
        Add(properties, AlternativeName, AlternativeNamesOf(certificate));
        Add(properties, CommonName, certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false) is { Length: > 0 } name ? [name] : []);
        var identity = Array.Find([AlternativeName, CommonName], properties.ContainsKey);
        return new AuthContext(identity, properties);
    }

    private static void Add(Dictionary<string, List<AuthProperty>> properties, string name, IEnumerable<string> values)
    {
        var list = values.Select(value => AuthProperty.Create(name, Encoding.UTF8.GetBytes(value))).ToList();
        if (list.Count > 0)
            properties.Add(name, list);
    }

    /// <summary>Names of the kinds that gRPC's peers use: mail, DNS, URI and IP address.</summary>
    private static IEnumerable<string> AlternativeNamesOf(X509Certificate2 certificate)
    {
        if (certificate.Extensions.FirstOrDefault(extension => extension.Oid?.Value == AlternativeNameOid) is not { } extension)
            yield break;
        var names = new AsnReader(extension.RawData, AsnEncodingRules.DER).ReadSequence();
        while (names.HasData)
        {
            var tag = names.PeekTag();
            if (tag.TagClass == TagClass.ContextSpecific && tag.TagValue is Rfc822Name or DnsName or UriName)
                yield return names.ReadCharacterString(UniversalTagNumber.IA5String, tag);
            else if (tag.TagClass == TagClass.ContextSpecific && tag.TagValue == IpAddress)
                yield return new IPAddress(names.ReadOctetString(tag)).ToString();
            else
                names.ReadEncodedValue();
        }
    }
}
