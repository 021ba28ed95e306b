package synthetic

import "strings"

// words are everyday words, among them those that filters take for attacks.
var words = strings.Fields(`account action address album alert amount anchor answer apple article author avatar badge balance bank
	banner basket beach bed bike bill birthday blog blue board boat body book box branch bread bridge brown budget bug building
	button cake calendar camera campaign car card cart case cat category chair change channel chapter charge chart chat check
	cheese child church city class clock cloud club code coffee color column comment company contact content cookie copy corner
	country course cover credit cup customer cycle daily dance data date deal default delete delivery department desk detail
	device dinner discount doctor document dog door drawing dream dress drink drive drop early east edit email engine event
	exact exec family farm fashion feature feed field file filter finance finish fire fish flight floor flower folder food form
	forum france friend front fruit function game garden gate general gift girl glass global gold grade grant graph green group
	guide hair half hand happy hard header health heart history holiday home horse host hotel hour house ice idea image index
	insert internal invoice island item jacket job join journal juice june key kitchen label lake language large last laugh law
	leader left letter level library light like limit line link list local lock login lunch machine mail main manager map market
	match member memory menu merge message meter middle milk minute mobile model module money month moon morning mountain mouse
	movie music name network news night normal north notice number object offer office order orange outdoor owner page paint
	panel paper parent park partner party password path payment people phone photo picture pipe place plan planet plant player
	point policy port post power present price print private process product profile program project public purple quality query
	question quick quote radio rain rank rate reader record red region report request reset rest result return review right ring
	river road rock role room round route rule sales salt sample save scale school science screen script sea search season seat
	second section select sell send server service session set share shell ship shirt shoe shop short show side sign silver size
	skin sky sleep small smile snow social sofa song sort sound soup source south space speed sport spring staff stage star start
	state station status steel step stock stone store storm story street student style subject sugar summer sun support system
	table tag target task tax tea team test text theme ticket time title today token tool top topic total tour town track trade
	train travel tree trip truck type union update upload user value vegetable version video view village visit voice wait walk
	wall watch water weather web week weight west wheel white wind window winter wood word work world writer yard year yellow zone`)

var people = []string{
	"O'Brien", "D'Angelo", "Müller", "Anne-Marie", "José García", "Zoë", "Sean O'Neill", "张伟", "L'Oréal", "McDonald's", "李娜", "Иван", "Nguyễn",
	"Smith & Sons", "J. R. R.", "van der Berg", "d'Artagnan", "佐藤", "Łukasz", "St. John's",
}

// prose are sentences as people write them in forums, tickets and shops.
var prose = p(
	"Please ‹select|update|delete|insert› the ‹w› from the ‹w› list and ‹drop|merge|join› it into the ‹w›.",
	"I can't ‹log in|sign up|check out›; it says \"‹w› not found\" & nothing happens -- what's wrong?",
	"The ‹w› is 5' 10\" tall; the ‹w› costs $‹n› (or more, if you order by ‹w›).",
	"What's the difference between the ‹w› and the ‹w›?",
	"Thanks! It works now :) <3 We'll update the ‹w› on Monday -- ‹name›.",
	"I'd like to order ‹d› ‹w›s and 1 ‹w›, where can I select the color?",
	"Having trouble with the ‹w›? Try to sleep (at least 8 hours) and wait for the delay to end.",
	"Union members and other groups select their ‹w› from a table of ‹n› names.",
	"‹name› said: \"you can't have both the ‹w› and the ‹w›\"; I don't agree.",
	"See https://www.‹host›/‹w›/‹w›.html?id=‹n›&ref=‹w› for the ‹w› (page ‹d›).",
	"If x = 1 and y = 2 then x < y; otherwise x > y || x == y.",
	"How do I use <b>bold</b> text or an <img> tag in my ‹w›?",
	"To fix it, run `‹npm install|pip install|apt update|git pull|docker ps›` and then restart the ‹w›.",
	"Open /etc/hosts with your editor and add a line for ‹host›.",
	"My script tag doesn't work: it should alert the user when the ‹w› changes.",
	"Does anybody know why SELECT is slow on a ‹w› table with an index on ‹w›?",
	"Best regards,\n‹name›\n‹w› department | tel. +49 ‹n› ‹n›",
	"1) open the ‹w›; 2) click \"‹w›\"; 3) wait; 4) done!",
	"This is 100% great!!! #‹w› @‹w› *****",
	"On ‹d›/‹d›/2024 at 10:‹d› we moved from ‹w› to ‹w› -- see ticket #‹n›.",
	"Price: ‹n› EUR; size: 10\" x 12\"; weight: ‹d› kg; it's new & unused.",
	"Can you exec the plan or should we let the system decide? (and if so, when?)",
	"今天我们更新了‹w›，请查看 https://‹host›/‹w›，谢谢！",
	"Je n'ai pas reçu l'‹w› d'hier; c'est l'‹w› ou l'‹w›?",
	"The ‹w›'s owner and/or its ‹w› must sign the ‹w› or the ‹w› will be null and void.",
	"We like ‹w› and ‹w›, not ‹w›; it's 1 or 2 of the same.",
)

// sentence returns one or two sentences.
func (m maker) sentence() string {
	s := m.fill(m.of(prose))
	if m.chance(0.3) {
		s += " " + m.fill(m.of(prose))
	}
	return s
}
